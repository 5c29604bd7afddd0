// The error of matrix products of 8-bit numbers against their depth K: what an accumulator of 14 bits does to them.

import { type Accumulator, emulatedDot } from './accumulate.ts';
import { e4m3, roundTo } from './formats.ts';

/** Numbers with the name they have in tables. */
export interface Operands {
  readonly name: 'uniform' | 'normal';
  /** One random number. */
  readonly draw: (random: () => number) => number;
}

export const uniform: Operands = { name: 'uniform', draw: (random) => random() };

export const normal: Operands = {
  name: 'normal',
  draw: (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random()),
};

/**
 * Root mean square of the error of `size` x `size` dot products of length K, as a share of the root mean square of the
 * exact ones. The operands are E4M3 numbers already: this is the error of summing alone.
 */
export function gemmError(
  K: number,
  operands: Operands,
  accumulator: Accumulator,
  random: () => number,
  size: number,
): number {
  const matrix = () =>
    Array.from({ length: size }, () => Float64Array.from({ length: K }, () => roundTo(operands.draw(random), e4m3)));
  const [a, b] = [matrix(), matrix()];
  let [errors, exacts] = [0, 0];
  for (const row of a) {
    for (const column of b) {
      const exact = row.reduce((sum, value, k) => sum + value * column[k]!, 0);
      errors += (emulatedDot(row, column, accumulator) - exact) ** 2;
      exacts += exact ** 2;
    }
  }
  return Math.sqrt(errors / exacts);
}
