import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createMixture } from '../../src/data/mixture.ts';
import { createRandom, hash32, permutation } from '../../src/data/random.ts';

describe('createMixture', () => {
  it('golden: spreads weights 2 and 1 evenly', () => {
    const mixture = createMixture([2, 1]);
    const places = Array.from({ length: 6 }, (_, i) => mixture(i));
    expect(places.map((place) => place.domain)).toEqual([0, 1, 0, 0, 1, 0]);
    expect(places.map((place) => place.position)).toEqual([0, 0, 1, 2, 1, 3]);
  });

  it('property: each domain counts its own rows without gap or repetition, in proportion to its weight', () => {
    const weights = fc.array(fc.double({ min: 0.1, max: 7, noNaN: true }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(weights, (w) => {
        const mixture = createMixture(w);
        const total = w.reduce((a, b) => a + b);
        const positions: number[][] = w.map(() => []);
        for (let index = 0; index < 2003; index++) positions[mixture(index).domain]?.push(mixture(index).position);
        for (const seen of positions) expect(seen).toEqual(seen.map((_, i) => i));
        // Rounding to a cycle of 1000 moves a share by at most 0.0005 (+ as much for the cycle's own length); spreading
        // is within D - 1 rows of the share at every moment.
        positions.forEach((seen, i) => {
          expect(Math.abs(seen.length - (2003 * w[i]!) / total)).toBeLessThan(w.length + 6);
        });
      }),
      { numRuns: 30 },
    );
  });

  it('never leaves out a domain of small weight', () => {
    const mixture = createMixture([1e6, 1]);
    const domains = Array.from({ length: 1001 }, (_, i) => mixture(i).domain);
    expect(domains.filter((domain) => domain === 1)).toHaveLength(1);
  });
});

describe('seeded randomness', () => {
  it('property: a permutation has every number once and depends on each part of its seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 211 }), fc.nat(), (size, seed) => {
        const order = permutation(size, seed, 'rows', 3);
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i));
        expect(permutation(size, seed, 'rows', 3)).toEqual(order);
        if (size > 31) expect(permutation(size, seed, 'rows', 4)).not.toEqual(order);
      }),
    );
  });

  it('golden: stays as it is, or old runs could not be resumed', () => {
    expect(hash32(17, 'held-out', 'Call me Ishmael.')).toBe(3824409327);
    expect(Array.from(permutation(7, 17, 'moby-dick', 'rows', 0))).toEqual([1, 2, 3, 4, 0, 6, 5]);
  });

  it('is uniform', () => {
    const random = createRandom(5, 'uniform');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 7000; i++) counts[random.below(7)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150); // 5 standard deviations of 29
  });
});
