import { describe, expect, it } from 'vitest';
import { estimateOf, judge, ruleOf } from '../../src/experiments/verdict.ts';

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
