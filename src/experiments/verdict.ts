// Claims judged by the rule they were written with.

import type { Verdict } from '../report/study-results.ts';
import { type BySeed, type Estimate, estimate, pairedDifference, pairedRatio } from './statistics.ts';
import { criticalT, twoSidedTail } from './student-t.ts';
import type { Expectation, Hypothesis } from './study.ts';

/** The range in which the claim says the mean lies. */
function claimedRange(expect: Expectation, isRatio: boolean): [low: number, high: number] {
  if ('below' in expect) return [Number.NEGATIVE_INFINITY, expect.below];
  if ('above' in expect) return [expect.above, Number.POSITIVE_INFINITY];
  return isRatio ? [1 / (1 + expect.within), 1 + expect.within] : [-expect.within, expect.within];
}

/** A claim is reproduced if all of the interval lies in the claimed range, and contradicted if none of it does. */
export function judge(found: Estimate, expect: Expectation, isRatio: boolean): Verdict {
  const [low, high] = claimedRange(expect, isRatio);
  if (found.low > low && found.high < high) return 'reproduced';
  return found.high < low || found.low > high ? 'contradicted' : 'not distinguishable';
}

/**
 * The two-sided p value of a verdict: the smallest alpha at which the (1 - alpha) interval touches no end of the
 * claimed range, so that `judge` would decide. Below 0.05 it has decided; 1 if there is no interval.
 *
 * For a range with one end that is the t test of a mean equal to that end. For a range with two, it is twice the p
 * value of the two one-sided tests of equivalence if the mean lies inside, and the t test of the nearer end otherwise.
 */
export function pValueOf(found: Estimate, expect: Expectation, isRatio: boolean): number {
  const scale = isRatio ? (value: number) => Math.log(Math.max(0, value)) : (value: number) => value;
  const [mean, low, high] = [scale(found.mean), scale(found.low), scale(found.high)];
  const distance = Math.min(...claimedRange(expect, isRatio).map((end) => Math.abs(mean - scale(end))));
  if (found.n < 2 || distance === 0) return 1;
  const degreesOfFreedom = found.n - 1;
  return twoSidedTail((distance / ((high - low) / 2)) * criticalT(degreesOfFreedom), degreesOfFreedom);
}

/** What a hypothesis is about, estimated over seeds. */
export function estimateOf(hypothesis: Hypothesis, values: (arm: string, metric: string) => BySeed): Estimate | null {
  const { arm, against, metric, as = 'difference' } = hypothesis;
  const own = values(arm, metric);
  if (against === undefined) return estimate([...own.values()]);
  return (as === 'ratio' ? pairedRatio : pairedDifference)(own, values(against, metric));
}

/** The rule in words, e.g. `loss of bias minus loss of aux: below 0.02`. */
export function ruleOf({ metric, arm, against, as = 'difference', expect }: Hypothesis): string {
  const relation = as === 'ratio' ? 'over' : 'minus';
  const what = against === undefined ? `${metric} of ${arm}` : `${metric}: ${arm} ${relation} ${against}`;
  if ('below' in expect) return `${what} is below ${expect.below}`;
  if ('above' in expect) return `${what} is above ${expect.above}`;
  return against !== undefined && as === 'ratio'
    ? `${what} is within a factor of ${1 + expect.within} of 1`
    : `${what} is within ${expect.within} of 0`;
}
