// How evenly the experts of a layer are used.

export interface LoadStatistics {
  /** (max - mean) / mean: 0 is perfect balance. */
  readonly maxVio: number;
  /** (mean - min) / mean: 1 means some expert got nothing. */
  readonly minVio: number;
  /** Mean of |load - mean| / mean over the experts: 0 is perfect balance. */
  readonly avgVio: number;
  /** Experts that nothing was sent to. */
  readonly deadExperts: number;
}

/**
 * Statistics of the selections per expert. Counts of one batch give MaxVio_batch and AvgVio_batch, counts of a whole
 * validation set MaxVio_global.
 *
 * Source: arXiv:2408.15664 section 4.1.
 */
export function loadStatistics(counts: ArrayLike<number>): LoadStatistics {
  const loads = Array.from(counts);
  const mean = loads.reduce((a, b) => a + b, 0) / loads.length;
  if (mean === 0) return { maxVio: 0, minVio: 0, avgVio: 0, deadExperts: loads.length };
  return {
    maxVio: (Math.max(...loads) - mean) / mean,
    minVio: (mean - Math.min(...loads)) / mean,
    avgVio: loads.reduce((sum, load) => sum + Math.abs(load - mean), 0) / (mean * loads.length),
    deadExperts: loads.filter((load) => load === 0).length,
  };
}
