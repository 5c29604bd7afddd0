// How a tensor core sums products: with few bits, and what promotion to float32 repairs. A plain loop, for studies.
// Source: arXiv:2412.19437 section 3.3.2; F 4.3.

import { exponentOf } from './formats.ts';

/** An accumulator of a matrix unit. */
export interface Accumulator {
  /** Bits of its significand; 24: float32, whose sums are rounded and not cut. */
  readonly bits: number;
  /** After how many products the sum is added to a float32 number and begins again; Infinity: never. */
  readonly promoteEvery: number;
}

/** Products that are aligned and added at once. */
const groupSize = 32;

/** Cuts x, towards zero, to multiples of 2^exponent. */
function truncate(x: number, exponent: number): number {
  const quantum = 2 ** exponent;
  return Math.trunc(x / quantum) * quantum;
}

/** The exponent of the largest of some numbers; -Infinity when all are zero. */
function largestExponent(values: readonly number[]): number {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest === 0 ? Number.NEGATIVE_INFINITY : exponentOf(largest);
}

/** sum + products, all aligned to the largest of them and cut to `bits` bits, and so is the result. */
function addAligned(sum: number, products: readonly number[], bits: number): number {
  const all = [sum, ...products];
  const exponent = largestExponent(all) - (bits - 1);
  if (exponent === Number.NEGATIVE_INFINITY) return 0;
  const total = all.reduce((partial, value) => partial + truncate(value, exponent), 0);
  return total === 0 ? 0 : truncate(total, exponentOf(Math.abs(total)) - (bits - 1));
}

/**
 * The dot product of a and b as the accumulator makes it: 32 products at a time, which are exact themselves (those of
 * two 8-bit numbers are).
 */
export function emulatedDot(a: ArrayLike<number>, b: ArrayLike<number>, { bits, promoteEvery }: Accumulator): number {
  if (bits === 24) return float32Dot(a, b);
  let [promoted, sum] = [0, 0];
  for (let k = 0; k < a.length; k += groupSize) {
    const group = Array.from({ length: Math.min(groupSize, a.length - k) }, (_, i) => a[k + i]! * b[k + i]!);
    sum = addAligned(sum, group, bits);
    if ((k + groupSize) % promoteEvery === 0) [promoted, sum] = [Math.fround(promoted + sum), 0];
  }
  return Math.fround(promoted + sum);
}

function float32Dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum = Math.fround(sum + a[k]! * b[k]!);
  return sum;
}
