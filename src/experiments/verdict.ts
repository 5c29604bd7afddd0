// Claims judged by the rule they were written with.

import type { Verdict } from '../report/study-results.ts';
import { type BySeed, type Estimate, estimate, pairedDifference, pairedRatio } from './statistics.ts';
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
