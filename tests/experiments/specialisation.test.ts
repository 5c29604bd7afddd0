import { describe, expect, it } from 'vitest';
import { domainDistance, domainDivergence } from '../../src/experiments/specialisation.ts';

describe('specialisation', () => {
  const even = [5, 5, 5, 5, 5, 5];
  const left = [7, 7, 7, 0, 0, 0];
  const right = [0, 0, 0, 11, 11, 11];

  it('is nothing where every domain uses all experts alike', () => {
    expect(domainDivergence([[even], [even]])).toBeCloseTo(0, 12);
    expect(domainDistance([[even], [even]])).toBeCloseTo(0, 12);
  });

  it('is ln(E / K) and 1 where domains share no expert', () => {
    expect(domainDivergence([[left], [right]])).toBeCloseTo(Math.log(2), 12);
    expect(domainDistance([[left], [right]])).toBeCloseTo(1, 12);
  });

  it('is averaged over layers, and for the distance over pairs of domains', () => {
    expect(
      domainDivergence([
        [left, even],
        [right, even],
      ]),
    ).toBeCloseTo(Math.log(2) / 2, 12);
    // Pairs: left-right 1, left-even 0.5, right-even 0.5.
    expect(domainDistance([[left], [right], [even]])).toBeCloseTo(2 / 3, 12);
  });

  it('does not depend on how much text a domain has', () => {
    const tenfold = left.map((count) => 10 * count);
    expect(domainDistance([[left], [tenfold]])).toBeCloseTo(0, 12);
  });
});
