import { describe, expect, it } from 'vitest';
import { loadStatistics } from '../../src/moe/load.ts';

describe('loadStatistics', () => {
  it('is zero at perfect balance', () => {
    expect(loadStatistics([7, 7, 7])).toEqual({ maxVio: 0, minVio: 0, avgVio: 0, deadExperts: 0 });
  });

  it('measures the most and the least loaded expert, and all of them, against the mean', () => {
    const balance = { maxVio: 4 / 6, minVio: 4 / 6, avgVio: (4 + 0 + 4 + 0) / 6 / 4, deadExperts: 0 };
    expect(loadStatistics([10, 6, 2, 6])).toEqual(balance);
    const collapse = { maxVio: 2, minVio: 1, avgVio: (8 + 4 + 4) / 4 / 3, deadExperts: 2 };
    expect(loadStatistics(Float32Array.of(12, 0, 0))).toEqual(collapse);
  });

  it('reaches E / K - 1 when the same K experts take everything', () => {
    const [E, K, N] = [13, 2, 11];
    const counts = Array.from({ length: E }, (_, e) => (e < K ? N : 0));
    expect(loadStatistics(counts).maxVio).toBeCloseTo(E / K - 1, 12);
  });

  it('calls every expert dead and no load violated when nothing was counted', () => {
    expect(loadStatistics([0, 0, 0])).toEqual({ maxVio: 0, minVio: 0, avgVio: 0, deadExperts: 3 });
  });
});
