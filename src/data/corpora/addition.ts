// Sums whose answer is written most significant digit first, with nothing in between: the first digit can depend on a
// carry from the last, so whoever writes it must have looked ahead (F 3.6, Mini).

import { createRandom, type Random } from '../random.ts';

const defaultBytes = 600_000;
const exercisesPerDocument = 32;

/** One to three digits, each length as often as the others, so that a small model learns something early. */
function number(random: Random): number {
  return random.below(10 ** (1 + random.below(3)));
}

/** E.g. `347+85=432`. */
function exercise(random: Random): string {
  const [a, b] = [number(random), number(random)];
  return `${a}+${b}=${a + b}\n`;
}

/** Documents of 32 sums, until they hold at least `minBytes` bytes; a function of nothing but that. */
export function generateAddition(minBytes = defaultBytes): string[] {
  const documents: string[] = [];
  for (let bytes = 0; bytes < minBytes; bytes += documents.at(-1)!.length) {
    const random = createRandom('addition', documents.length);
    documents.push(Array.from({ length: exercisesPerDocument }, () => exercise(random)).join(''));
  }
  return documents;
}
