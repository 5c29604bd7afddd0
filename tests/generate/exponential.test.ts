import { describe, expect, it } from 'vitest';
import { exponential } from '../../src/generate/sampling/exponential.ts';

describe('exponential', () => {
  it('property: is Math.exp for arguments up to 0', () => {
    let worst = 0;
    for (let x = 0; x > -700; x -= 0.0137) worst = Math.max(worst, Math.abs(exponential(x) / Math.exp(x) - 1));
    // Two units in the last place of ours, and one of theirs.
    expect(worst).toBeLessThan(3 * 2 ** -52);
  });

  it('is exact at 0, 0 for what is negligible, and no number for NaN', () => {
    expect(exponential(0)).toBe(1);
    expect(exponential(-0)).toBe(1);
    expect(exponential(-700)).toBeGreaterThan(0);
    expect(exponential(-701)).toBe(0);
    expect(exponential(Number.NEGATIVE_INFINITY)).toBe(0);
    expect(exponential(Number.NaN)).toBeNaN();
  });
});
