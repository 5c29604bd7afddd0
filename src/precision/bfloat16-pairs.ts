// bfloat16 numbers in two bytes each, two in an int32: the first in its lower half.

import { roundToBfloat16 } from './formats.ts';

/** Int32s that so many numbers take. */
export const pairsOf = (length: number): number => Math.ceil(length / 2);

/** The numbers, rounded to the nearest bfloat16, ties to even. */
export function packBfloat16(values: Float32Array): Int32Array {
  const pairs = new Int32Array(pairsOf(values.length));
  const patterns = new Uint32Array(roundToBfloat16(values).buffer);
  for (let i = 0; i < patterns.length; i++)
    pairs[i >> 1]! |= i % 2 === 0 ? patterns[i]! >>> 16 : patterns[i]! & ~0xffff;
  return pairs;
}

/** What `packBfloat16` has packed, of which there are `length`. */
export function unpackBfloat16(pairs: Int32Array, length: number): Float32Array {
  const patterns = Uint32Array.from({ length }, (_, i) =>
    i % 2 === 0 ? pairs[i >> 1]! << 16 : pairs[i >> 1]! & ~0xffff,
  );
  return new Float32Array(patterns.buffer);
}
