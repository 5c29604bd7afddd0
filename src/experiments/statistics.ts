// Means over seeds with their uncertainty: Student's t, since there are few seeds and they are independent.

/** 97.5 % quantiles of Student's t by degrees of freedom, from 1; any table of the distribution has them. */
const t975 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/** A mean and the 95 % interval around it. */
export interface Estimate {
  readonly mean: number;
  /** With a single value, whose spread is unknown, the interval goes from minus to plus infinity. */
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** Beyond 31 values the quantile of 30 degrees of freedom is used: too wide by 4 % at most, never too narrow. */
function quantile(degreesOfFreedom: number): number {
  if (degreesOfFreedom < 1) return Number.POSITIVE_INFINITY;
  return t975[Math.min(degreesOfFreedom, t975.length) - 1]!;
}

/** Mean and t interval of some values; null if there are none. */
export function estimate(values: readonly number[]): Estimate | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, n - 1);
  const half = n === 1 ? Number.POSITIVE_INFINITY : quantile(n - 1) * Math.sqrt(variance / n);
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
