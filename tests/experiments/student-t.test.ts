import { describe, expect, it } from 'vitest';
import { criticalT, twoSidedTail } from '../../src/experiments/student-t.ts';
import { expectAllClose } from '../all-close.ts';
import { loadGoldenJson } from '../goldens/load.ts';

const golden = loadGoldenJson('claims.json');

describe("Student's t (golden: scipy)", () => {
  it('has the same tails', () => {
    const tails = golden.tails as { t: number; df: number; p: number }[];
    const found = tails.map(({ t, df }) => twoSidedTail(t, df));
    // One minus a sum near one: an absolute error of a few 1e-16 for each term of the sum, at most 100 of them here.
    const expected = tails.map(({ p }) => p);
    expectAllClose(found, expected, { rtol: 1e-12, atol: 5e-14 });
  });

  it('has the same quantiles, and none without degrees of freedom', () => {
    const quantiles = golden.quantiles as { t: number; df: number }[];
    // The tail near 0.05 is exact to 1e-15 or so, and the quantile follows it.
    expectAllClose(
      quantiles.map(({ df }) => criticalT(df)),
      quantiles.map(({ t }) => t),
      { rtol: 1e-11, atol: 0 },
    );
    expect(criticalT(0)).toBe(Number.POSITIVE_INFINITY);
  });

  it('counts both sides', () => {
    expect(twoSidedTail(-2, 5)).toBe(twoSidedTail(2, 5));
    expect(twoSidedTail(0, 5)).toBe(1);
    expect([1, 2, 7].map((df) => twoSidedTail(Number.POSITIVE_INFINITY, df))).toEqual([0, 0, 0]);
  });
});
