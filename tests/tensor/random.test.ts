import { describe, expect, it } from 'vitest';
import { createRandom, deriveSeed, normalArray } from '../../src/tensor/random.ts';

function moments(values: Float32Array): { mean: number; std: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) };
}

function correlation(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0) / a.length;
}

describe('createRandom', () => {
  it('golden: gives the same numbers for ever, since seeds in papers and checkpoints depend on them', () => {
    const random = createRandom(42);
    // From a second implementation, in Python with integers.
    expect(Array.from({ length: 4 }, () => random() * 2 ** 32)).toEqual([2837322924, 544945897, 479756282, 3500138142]);
    expect(deriveSeed(7, 'lm_head.weight')).toBe(3362117946);
    const normals = [-0.7277058970148659, -0.05604081564162932, 0.5095171573869229];
    expect(Array.from(normalArray(3, 1, 7))).toEqual(normals.map(Math.fround));
  });

  it('stays in [0, 1) and is uniform', () => {
    const random = createRandom(3);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[Math.floor(random() * 10)]!++;
    // Chi-squared with 9 degrees of freedom; 27.9 is its 0.999 quantile.
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(27.9);
  });

  it('works from seed 0 and from neighbouring seeds', () => {
    const first = [0, 1, 2, 3].map((seed) => createRandom(seed)());
    expect(new Set(first).size).toBe(4);
    expect(first.every((value) => value > 0)).toBe(true);
  });
});

describe('normalArray', () => {
  it('has the mean and the standard deviation asked for, for even and odd sizes', () => {
    for (const size of [100_000, 99_991]) {
      const { mean, std } = moments(normalArray(size, 0.02, 11));
      // Three standard errors: 0.02 / sqrt(1e5) for the mean, that over sqrt(2) for the deviation.
      expect(Math.abs(mean)).toBeLessThan(1.9e-4);
      expect(Math.abs(std - 0.02)).toBeLessThan(1.4e-4);
    }
  });

  it('has the tails of a normal distribution', () => {
    const values = normalArray(100_000, 1, 13);
    const beyond = (limit: number) => values.filter((value) => Math.abs(value) > limit).length;
    // 31,731 and 270 expected, with standard deviations of 147 and 16.
    expect(Math.abs(beyond(1) - 31_731)).toBeLessThan(450);
    expect(Math.abs(beyond(3) - 270)).toBeLessThan(50);
    expect(values.every(Number.isFinite)).toBe(true);
  });

  it('is independent from name to name and from seed to seed', () => {
    const seeds = [deriveSeed(7, 'a.weight'), deriveSeed(7, 'b.weight'), deriveSeed(8, 'a.weight')];
    const [a, b, c] = seeds.map((seed) => normalArray(100_000, 1, seed));
    // Three standard errors, 1 / sqrt(1e5) each.
    for (const r of [correlation(a!, b!), correlation(a!, c!), correlation(b!, c!)]) {
      expect(Math.abs(r)).toBeLessThan(9.5e-3);
    }
  });
});

describe('deriveSeed', () => {
  it('tells parts from each other and their joins', () => {
    const seeds = [deriveSeed(1, 'a'), deriveSeed(1, 'b'), deriveSeed(11, ''), deriveSeed(1, 1), deriveSeed('1', '1')];
    expect(new Set(seeds).size).toBe(4);
    expect(deriveSeed(1, 1)).toBe(deriveSeed('1', '1'));
  });
});
