// Loss spikes: a loss far above its recent average. The report saw no spike it could not recover from (sec. 1), so a
// spike is a warning here, never a rollback. Non-finite values are another matter: see `non-finite.ts`.

const DECAY = 0.95;
const SIGMAS = 5;
const WARMUP = 20; // losses seen before anything is called a spike
const LEAST_SIGMA = 0.02; // of the mean: a very smooth loss must not make noise a spike

/** Running mean and variance of the loss; plain data, so that it is stored with a checkpoint. */
export interface SpikeState {
  readonly mean: number;
  readonly variance: number;
  readonly count: number;
}

export const initialSpikeState: SpikeState = { mean: 0, variance: 0, count: 0 };

/** The loss above which the next one counts as a spike; Infinity until enough were seen. */
export function spikeThreshold({ mean, variance, count }: SpikeState): number {
  if (count < WARMUP) return Number.POSITIVE_INFINITY;
  return mean + SIGMAS * Math.max(Math.sqrt(variance), LEAST_SIGMA * Math.abs(mean));
}

/** The state after one more loss. A spike enters as the threshold, so one outlier does not hide the next. */
export function observeLoss(state: SpikeState, loss: number): SpikeState {
  if (state.count === 0) return { mean: loss, variance: 0, count: 1 };
  const delta = Math.min(loss, spikeThreshold(state)) - state.mean;
  return {
    mean: state.mean + (1 - DECAY) * delta,
    variance: DECAY * (state.variance + (1 - DECAY) * delta * delta),
    count: state.count + 1,
  };
}
