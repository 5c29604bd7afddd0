import { describe, expect, it } from 'vitest';
import { estimate, pairedDifference, pairedRatio } from '../../src/experiments/statistics.ts';

const bySeed = (...values: number[]) => new Map(values.map((value, seed) => [seed, value]));

describe('estimate', () => {
  it('gives the t interval (by the quantile 4.3026527 of two degrees of freedom: 1.462714 to 3.470619)', () => {
    const found = estimate([2.1, 2.4, 2.9]);
    expect(found?.n).toBe(3);
    expect(found?.mean).toBeCloseTo(2.466667, 6);
    // The reference has six decimals.
    expect(found?.low).toBeCloseTo(1.462714, 6);
    expect(found?.high).toBeCloseTo(3.470619, 6);
  });

  it('knows nothing of the spread of one value, and nothing of none', () => {
    expect(estimate([7])).toEqual({ mean: 7, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY, n: 1 });
    expect(estimate([])).toBeNull();
  });

  it('narrows with more values', () => {
    const width = (n: number) => {
      const { low, high } = estimate(Array.from({ length: n }, (_, i) => i % 2))!;
      return high - low;
    };
    expect([3, 5, 11, 41].map(width)).toEqual([3, 5, 11, 41].map(width).sort((a, b) => b - a));
  });
});

describe('paired comparisons', () => {
  it('cancel what the arms share seed by seed', () => {
    const found = pairedDifference(bySeed(3.1, 5.1, 9.1), bySeed(3, 5, 9));
    expect(found?.mean).toBeCloseTo(0.1, 10);
    expect(found!.high - found!.low).toBeLessThan(1e-6);
  });

  it('leave out a seed that one arm does not have', () => {
    expect(pairedDifference(bySeed(3, 5, 7), bySeed(1, 2))?.n).toBe(2);
  });

  it('average ratios as logarithms, and have none of what is not positive', () => {
    expect(pairedRatio(bySeed(1, 8), bySeed(2, 4))?.mean).toBeCloseTo(1, 10); // 1/2 and 2
    expect(pairedRatio(bySeed(1, 0), bySeed(2, 4))).toBeNull();
  });
});
