// Means over seeds with their uncertainty: Student's t, since there are few seeds and they are independent.

import { criticalT } from './student-t.ts';

/** A mean and the 95 % interval around it. */
export interface Estimate {
  readonly mean: number;
  /** With a single value, whose spread is unknown, the interval goes from minus to plus infinity. */
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** Mean and t interval of some values; null if there are none. */
export function estimate(values: readonly number[]): Estimate | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  const half = n === 1 ? Number.POSITIVE_INFINITY : criticalT(n - 1) * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half, n };
}

/** Values of one metric by seed. */
export type BySeed = ReadonlyMap<number, number>;

/** Both values of every seed that has both. */
function pairs(a: BySeed, b: BySeed): [number, number][] {
  return [...a].flatMap(([seed, value]): [number, number][] => {
    const other = b.get(seed);
    return other === undefined ? [] : [[value, other]];
  });
}

/** Estimates the mean of `a - b`, seed by seed: what both runs share, such as the order of the data, cancels. */
export function pairedDifference(a: BySeed, b: BySeed): Estimate | null {
  return estimate(pairs(a, b).map(([x, y]) => x - y));
}

/**
 * Estimates the geometric mean of `a / b`, seed by seed, by means of logarithms; null unless all values are positive.
 */
export function pairedRatio(a: BySeed, b: BySeed): Estimate | null {
  const found = pairs(a, b);
  if (found.some(([x, y]) => x <= 0 || y <= 0)) return null;
  const logs = estimate(found.map(([x, y]) => Math.log(x / y)));
  return logs && { n: logs.n, mean: Math.exp(logs.mean), low: Math.exp(logs.low), high: Math.exp(logs.high) };
}
