// How a tensor core sums products: with few bits, and what promotion to float32 repairs. A plain loop, for studies.
// Source: arXiv:2412.19437 section 3.3.2; F 4.3.

import { UserError } from '../errors.ts';
import { exponentOf } from './formats.ts';

/** An accumulator of a matrix unit: 14 bits on the report's GPUs, promoted every 128 products by its kernels. */
export interface Accumulator {
  /** Bits of its significand; 24: float32, whose sums are rounded and not cut. */
  readonly bits: number;
  /**
   * After how many products the sum is added to a float32 number and begins again: a multiple of 32; Infinity: never.
   */
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
 * two 8-bit numbers are). They and the sum so far are aligned to the largest of them, cut to `bits` bits, towards zero,
 * and added.
 *
 * Shapes: a [K], b [K] -> a number.
 * Source: arXiv:2412.19437 section 3.3.2, figure 7b.
 * @throws {UserError} for lengths that differ, and for an accumulator that there cannot be.
 *
 * Example: 20,000 ones times 20,000 ones are 16384 in 14 bits without promotion: a one is below the last of the bits of
 * that sum. With a promotion every 128 products they are 20000.
 */
export function emulatedDot(a: ArrayLike<number>, b: ArrayLike<number>, accumulator: Accumulator): number {
  checkDot(a.length, b.length, accumulator);
  const { bits, promoteEvery } = accumulator;
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

function checkDot(ofA: number, ofB: number, { bits, promoteEvery }: Accumulator): void {
  if (ofA !== ofB) {
    throw new UserError(`emulatedDot: a has ${ofA} numbers and b has ${ofB}; give both the same length`);
  }
  if (!(Number.isInteger(bits) && bits >= 2 && bits <= 24)) {
    throw new UserError(`emulatedDot: bits must be a whole number from 2 to 24; found ${bits}`);
  }
  const isWhole = promoteEvery > 0 && promoteEvery % groupSize === 0;
  if (isWhole || promoteEvery === Number.POSITIVE_INFINITY) return;
  throw new UserError(
    `emulatedDot: promoteEvery must be a multiple of ${groupSize}, or Infinity for never; found ${promoteEvery}`,
  );
}
