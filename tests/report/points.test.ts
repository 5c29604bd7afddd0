import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pointsOf, smooth, spread, thin } from '../../src/report/charts/points.ts';

const curve = fc.array(fc.double({ noNaN: true, min: -1e3, max: 1e3 }), { minLength: 1, maxLength: 1500 });
const toPoints = (values: readonly number[]) => values.map((y, i) => ({ x: i + 1, y }));

describe('pointsOf', () => {
  it('takes the finite scalars of a metric', () => {
    const base = { tokens: 0, seconds: 0 };
    const metrics = [
      { ...base, step: 1, a: 5 },
      { ...base, step: 2, a: Number.NaN },
      { ...base, step: 3, a: [7] },
      { ...base, step: 4 },
    ];
    expect(pointsOf(metrics, 'a')).toEqual([{ x: 1, y: 5 }]);
  });
});

describe('thin', () => {
  it('keeps the ends and the extremes, in order, within the limit', () => {
    fc.assert(
      fc.property(curve, fc.integer({ min: 4, max: 601 }), (values, limit) => {
        const points = toPoints(values);
        const kept = thin(points, limit);
        const ys = kept.map(({ y }) => y);
        expect(kept.length).toBeLessThanOrEqual(limit);
        expect([kept[0], kept.at(-1)]).toEqual([points[0], points.at(-1)]);
        expect([Math.min(...ys), Math.max(...ys)]).toEqual([Math.min(...values), Math.max(...values)]);
        expect(kept.map(({ x }) => x)).toEqual(kept.map(({ x }) => x).sort((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });
});

describe('smooth', () => {
  it('stays within the range of the curve and leaves a straight line where it is', () => {
    const line = toPoints(Array.from({ length: 23 }, (_, i) => 2 * i));
    // Exact sums of small integers, but for the one-sided window at the end, which lags by at most its reach.
    expect(smooth(line).slice(0, 21)).toEqual(line.slice(0, 21));
    expect(smooth(line).map(({ x }) => x)).toEqual(line.map(({ x }) => x));
  });

  it('averages noise away', () => {
    const noisy = toPoints(Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 1 : -1)));
    // A window of 21 alternating values sums to one of them: 1 / 21.
    expect(Math.abs(smooth(noisy)[500]?.y ?? 1)).toBeCloseTo(1 / 21, 10);
  });
});

describe('spread', () => {
  it('picks evenly, ends included', () => {
    expect(spread([1, 2, 3, 4, 5, 6, 7], 3)).toEqual([1, 4, 7]);
    expect(spread([1, 2], 3)).toEqual([1, 2]);
  });
});
