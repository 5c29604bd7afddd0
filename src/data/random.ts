// Seeded randomness of the data pipeline. Every choice is a function of its purpose (`seed`, domain, epoch, ...), so
// nothing depends on the order in which choices are made.

/** A 32-bit hash of numbers and strings (FNV-1a over their text, then an avalanche step). */
export function hash32(...parts: readonly (number | string)[]): number {
  return startHash32(...parts).finish();
}

/** A hash whose last part is still to come, piece by piece. */
export interface Hash32 {
  add(text: string): Hash32;
  finish(): number;
}

/** `startHash32('a', 'b').add('c').finish()` is `hash32('a', 'bc')`. */
export function startHash32(...parts: readonly (number | string)[]): Hash32 {
  let hash = 0x811c9dc5;
  const self: Hash32 = {
    add: (text) => {
      for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
      return self;
    },
    finish: () => avalanche(hash),
  };
  return self.add(parts.join('\u0000'));
}

function avalanche(value: number): number {
  let z = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
  return (z ^ (z >>> 16)) >>> 0;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform integer in 0 .. limit - 1. */
  below(limit: number): number;
}

/**
 * A stream of uniform numbers, the same for the same parts (a counter put through the avalanche step).
 *
 * This is not the generator of weights, `src/tensor/random.ts`: with that one, the order of the text would be another
 * one for every seed.
 */
export function createRandom(...parts: readonly (number | string)[]): Random {
  let state = hash32(...parts);
  const next = (): number => {
    state = (state + 0x9e3779b9) >>> 0;
    return avalanche(state) / 2 ** 32;
  };
  return { next, below: (limit) => Math.floor(next() * limit) };
}

/** The numbers 0 .. size - 1 in an order that is a function of the parts (Fisher-Yates). */
export function permutation(size: number, ...parts: readonly (number | string)[]): Uint32Array {
  const random = createRandom(...parts);
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = order[i]!;
    order[i] = order[j]!;
    order[j] = held;
  }
  return order;
}
