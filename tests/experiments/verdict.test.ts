import { describe, expect, it } from 'vitest';
import { estimate, pairedRatio } from '../../src/experiments/statistics.ts';
import type { Expectation } from '../../src/experiments/study.ts';
import { estimateOf, judge, pValueOf, ruleOf } from '../../src/experiments/verdict.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';

const found = (low: number, high: number) => ({ mean: (low + high) / 2, low, high, n: 3 });

describe('judge', () => {
  it.each([
    [found(-0.3, -0.1), { below: 0 }, 'reproduced'],
    [found(-0.3, 0.1), { below: 0 }, 'not distinguishable'],
    [found(0.1, 0.3), { below: 0 }, 'contradicted'],
    [found(0.6, 0.9), { above: 0.5 }, 'reproduced'],
    [found(0.1, 0.3), { above: 0.5 }, 'contradicted'],
    [found(-0.01, 0.015), { within: 0.02 }, 'reproduced'],
    [found(-0.03, 0.015), { within: 0.02 }, 'not distinguishable'],
    [found(-0.09, -0.03), { within: 0.02 }, 'contradicted'],
    [found(0.03, 0.09), { within: 0.02 }, 'contradicted'],
  ] as const)('%j under %j is %s', (interval, expectation, verdict) => {
    expect(judge(interval, expectation, false)).toBe(verdict);
  });

  it('takes "within" of a ratio as a factor', () => {
    expect(judge(found(0.68, 1.4), { within: 0.5 }, true)).toBe('reproduced');
    expect(judge(found(0.6, 1.4), { within: 0.5 }, true)).toBe('not distinguishable');
  });

  it('cannot tell with one value', () => {
    expect(judge(found(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY), { below: 0 }, false)).toBe(
      'not distinguishable',
    );
  });
});

interface ClaimCase {
  readonly values: readonly number[];
  readonly expect: Expectation;
  readonly isRatio: boolean;
  readonly interval: readonly [number, number];
  readonly pValue: number;
}

/** The mean of values, or the geometric mean of ratios. */
function estimateOfCase({ values, isRatio }: ClaimCase) {
  if (!isRatio) return estimate(values)!;
  const bySeed = (numbers: readonly number[]) => new Map(numbers.map((value, seed) => [seed, value]));
  return pairedRatio(bySeed(values), bySeed(values.map(() => 1)))!;
}

describe('the p value of a verdict (golden: scipy and statsmodels)', () => {
  const cases = loadGoldenJson('claims.json').claims as ClaimCase[];

  it.each(cases)('is that of the t test or of the test of equivalence: %#, $expect, ratio $isRatio', (golden) => {
    const found = estimateOfCase(golden);
    // Both sides compute in float64; means and logarithms are summed in another order.
    expectAllClose([found.low, found.high], golden.interval, { rtol: 1e-10, atol: 1e-12 });
    expectAllClose([pValueOf(found, golden.expect, golden.isRatio)], [golden.pValue], { rtol: 1e-9, atol: 1e-13 });
  });

  it.each(cases)('is below 0.05 where the 95 % interval decides, and nowhere else: %#', (golden) => {
    const found = estimateOfCase(golden);
    const isDecided = judge(found, golden.expect, golden.isRatio) !== 'not distinguishable';
    expect(pValueOf(found, golden.expect, golden.isRatio) < 0.05).toBe(isDecided);
  });

  it('is 0.05 where the interval ends at the rule', () => {
    for (const [values, end] of [[[1, 2, 4], 'high'] as const, [[0.3, 0.4, 0.41, 0.7, 0.2], 'low'] as const]) {
      const found = estimate(values)!;
      expect(pValueOf(found, { below: found[end] }, false)).toBeCloseTo(0.05, 12);
      // A ten thousandth further out, and the claim is decided.
      const further = found[end] + (end === 'high' ? 1e-4 : -1e-4);
      expect(pValueOf(found, { below: further }, false)).toBeLessThan(0.05);
      expect(judge(found, { below: further }, false)).not.toBe('not distinguishable');
    }
  });

  it('is 0 without any spread, and 1 on the rule itself or with one value', () => {
    expect(pValueOf(estimate([4, 4, 4])!, { below: 4.001 }, false)).toBe(0);
    expect(pValueOf(estimate([4, 4, 4])!, { below: 4 }, false)).toBe(1);
    expect(pValueOf(estimate([4])!, { below: 99 }, false)).toBe(1);
  });
});

describe('a hypothesis', () => {
  const values = (arm: string) =>
    new Map([
      [0, arm === 'a' ? 2 : 1],
      [1, arm === 'a' ? 4 : 2],
    ]);
  const base = { claim: 'A sentence.', metric: 'loss', arm: 'a', expect: { below: 3 } } as const;

  it('is about an arm, a difference or a ratio', () => {
    expect(estimateOf(base, values)?.mean).toBe(3);
    expect(estimateOf({ ...base, against: 'b' }, values)?.mean).toBe(1.5);
    expect(estimateOf({ ...base, against: 'b', as: 'ratio' }, values)?.mean).toBeCloseTo(2, 10);
  });

  it('says its rule in words', () => {
    expect(ruleOf(base)).toBe('loss of a is below 3');
    expect(ruleOf({ ...base, against: 'b' })).toBe('loss: a minus b is below 3');
    expect(ruleOf({ ...base, against: 'b', as: 'ratio', expect: { within: 0.5 } })).toBe(
      'loss: a over b is within a factor of 1.5 of 1',
    );
  });
});
