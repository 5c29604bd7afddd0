// Loss spikes: a loss far above its recent average. The report saw no spike it could not recover from (sec. 1), so a
// spike is a warning here, never a rollback. Non-finite values are another matter: see `non-finite.ts`.

const decay = 0.95;
const sigmas = 5;
const warmup = 20; // losses seen before anything is called a spike
const leastSigma = 0.02; // of the mean: a very smooth loss must not make noise a spike

/** Running mean and variance of the loss; plain data, so that it is stored with a checkpoint. */
export interface SpikeState {
  readonly mean: number;
  readonly variance: number;
  readonly count: number;
}

export const initialSpikeState: SpikeState = { mean: 0, variance: 0, count: 0 };

/** The loss above which the next one counts as a spike; Infinity until enough were seen. */
export function spikeThreshold({ mean, variance, count }: SpikeState): number {
  if (count < warmup) return Number.POSITIVE_INFINITY;
  return mean + sigmas * Math.max(Math.sqrt(variance), leastSigma * Math.abs(mean));
}

/** The state after one more loss. A spike enters as the threshold, so one outlier does not hide the next. */
export function observeLoss(state: SpikeState, loss: number): SpikeState {
  if (state.count === 0) return { mean: loss, variance: 0, count: 1 };
  const delta = Math.min(loss, spikeThreshold(state)) - state.mean;
  return {
    mean: state.mean + (1 - decay) * delta,
    variance: decay * (state.variance + (1 - decay) * delta * delta),
    count: state.count + 1,
  };
}
