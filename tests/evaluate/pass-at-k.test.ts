import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRandom } from '../../src/data/random.ts';
import { meanPassAtK, passAtK, passInterval } from '../../src/evaluate/pass-at-k.ts';

describe('pass@k', () => {
  it('property: is the share of all choices of k samples that have a right one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.nat(8), fc.nat(7), (samples, r, more) => {
        const [right, k] = [Math.min(r, samples), 1 + (more % samples)];
        const subsets = Array.from({ length: 2 ** samples }, (_, bits) => bits).filter(
          (bits) => bits.toString(2).replaceAll('0', '').length === k,
        );
        const share = subsets.filter((bits) => bits % 2 ** right !== 0).length / subsets.length;
        expect(passAtK({ samples, right }, k)).toBeCloseTo(share, 12); // rounding of a few products
      }),
    );
  });

  it('of one sample is the share that is right', () => {
    expect(
      meanPassAtK(
        [
          { samples: 4, right: 1 },
          { samples: 4, right: 3 },
        ],
        1,
      ),
    ).toBeCloseTo(0.5, 12);
  });
});

describe('the interval of pass@1', () => {
  const alone = (right: number, of: number) =>
    passInterval(Array.from({ length: of }, (_, i) => ({ samples: 1, right: Number(i < right) })));

  it("golden: is Wilson's, with one sample a problem", () => {
    // Wilson's formula in Python's doubles.
    const expected = [
      [alone(5, 10), [0.23659309, 0.76340691]],
      [alone(0, 20), [0, 0.16112516]],
      [alone(128, 128), [0.97086304, 1]],
    ] as const;
    for (const [found, [low, high]] of expected) {
      expect(found[0]).toBeCloseTo(low, 6);
      expect(found[1]).toBeCloseTo(high, 6);
    }
  });

  it('is as wide as for one sample where all samples of a problem agree, and narrower where they differ', () => {
    const agreeing = Array.from({ length: 10 }, (_, i) => ({ samples: 8, right: i < 5 ? 8 : 0 }));
    const alike = Array.from({ length: 10 }, () => ({ samples: 8, right: 4 }));
    expect(passInterval(agreeing)[0]).toBeCloseTo(alone(5, 10)[0], 12);
    expect(passInterval(alike)[0]).toBeCloseTo(alone(40, 80)[0], 12);
  });

  it('property: has the true value inside about 95 times in 100, also where problems differ', () => {
    const random = createRandom('coverage');
    let inside = 0;
    const rounds = 2000;
    for (let round = 0; round < rounds; round++) {
      const tallies = Array.from({ length: 40 }, () => {
        const p = random.next() ** 2; // its mean is 1/3
        return { samples: 4, right: [0, 1, 2, 3].filter(() => random.next() < p).length };
      });
      const [low, high] = passInterval(tallies);
      if (low <= 1 / 3 && 1 / 3 <= high) inside++;
    }
    // Four standard deviations of a share of 0.95 in 2,000 rounds are 0.02.
    expect(inside / rounds).toBeGreaterThan(0.93);
    expect(inside / rounds).toBeLessThan(0.985);
  });
});
