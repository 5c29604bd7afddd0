// How often answers are right, from several samples of each problem.

/** Samples of one problem, and how many of them are right. */
export interface Tally {
  readonly samples: number;
  readonly right: number;
}

/**
 * The probability that at least one of `k` samples is right, without bias, from `samples` of which `right` are:
 * 1 - C(samples - right, k) / C(samples, k).
 *
 * Source: Chen et al., arXiv:2107.03374, section 2.1, in the numerically stable form given there.
 *
 * Example: 4 samples, 1 right: pass@1 is 0.25, pass@4 is 1.
 */
export function passAtK({ samples, right }: Tally, k: number): number {
  if (k > samples) throw new Error(`internal: pass@${k} of ${samples} samples`);
  if (samples - right < k) return 1;
  let allWrong = 1;
  for (let i = samples - right + 1; i <= samples; i++) allWrong *= 1 - k / i;
  return 1 - allWrong;
}

/** The mean of `passAtK` over problems. */
export function meanPassAtK(tallies: readonly Tally[], k: number): number {
  return tallies.reduce((sum, tally) => sum + passAtK(tally, k), 0) / tallies.length;
}

const z = 1.959963984540054; // 95 %

/**
 * A 95 % interval of pass@1: Wilson's score interval. The samples of one problem are alike, so they count for as many
 * independent ones as would vary as much as the means of the problems do; with one sample a problem it is Wilson's own.
 *
 * Example: 5 of 10 problems, one sample each: 0.237 to 0.763.
 */
export function passInterval(tallies: readonly Tally[]): readonly [low: number, high: number] {
  const p = meanPassAtK(tallies, 1);
  const n = effectiveSamples(tallies, p);
  const middle = (p + z ** 2 / (2 * n)) / (1 + z ** 2 / n);
  const half = (z / (1 + z ** 2 / n)) * Math.sqrt((p * (1 - p)) / n + z ** 2 / (4 * n ** 2));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** At least one a problem, and at most all samples. */
function effectiveSamples(tallies: readonly Tally[], mean: number): number {
  const all = tallies.reduce((sum, { samples }) => sum + samples, 0);
  const between = tallies.reduce((sum, { samples, right }) => sum + (right / samples - mean) ** 2, 0) / tallies.length;
  if (between === 0) return mean === 0 || mean === 1 ? tallies.length : all;
  return Math.min(all, Math.max(tallies.length, (tallies.length * mean * (1 - mean)) / between));
}
