// What changes over a run: learning rate, batch size, bias speed (gamma) and MTP weight (lambda).
//
// Everything is a function of progress: the share of the run's tokens trained on once the step is done, so that the
// last step has progress 1. The report's schedules (arXiv 2412.19437 sec. 4.2) are given in tokens of a 14.8T run and
// kept here as fractions of it.

import type { TrainConfig } from '../config/train-config.ts';

const run = 14.8e12; // tokens
const constantUntil = 10e12 / run;
const cosineUntil = 14.3e12 / run;
const secondConstantUntil = (14.3e12 + 333e9) / run;
const rampUntil = 469e9 / run;
const decayed = 0.1; // 2.2e-5 of 2.2e-4
const lastShare = 7.3e-6 / 2.2e-4;
const rampFrom = 3072 / 15360;

/** What one optimizer step is to do. */
export interface StepPlan {
  /** Counted from 0. */
  readonly step: number;
  /** Index of the first training row of the batch. */
  readonly firstSample: number;
  readonly batchSize: number;
  /** Share of the run's tokens trained on after this step, in (0, 1]. */
  readonly progress: number;
  readonly learningRate: number;
  /** gamma, 0 when frozen. */
  readonly biasSpeed: number;
  /** lambda. */
  readonly mtpWeight: number;
}

/** All steps of a run in order, beginning with those of `done`: a pure function of the arguments. See `planRun`. */
export function layPlan(train: TrainConfig, done: readonly StepPlan[]): StepPlan[] {
  const starts = [rowsOf(done)];
  for (let step = done.length; step < train.steps; step++) {
    const samples = starts.at(-1) ?? 0;
    starts.push(samples + batchSizeAt(samples / expectedSamples(train), train));
  }
  const total = starts.at(-1) ?? 1;
  const rest = starts.slice(1).map((end, i) => planStep(done.length + i, starts[i] ?? 0, end, total, train));
  return [...withProgress(done, total), ...rest];
}

/** The same steps with their progress computed for a run that reads `total` rows. */
export function withProgress(plan: readonly StepPlan[], total = rowsOf(plan)): StepPlan[] {
  return plan.map((step) => ({ ...step, progress: (step.firstSample + step.batchSize) / total }));
}

/** Training rows that have been read after some steps. */
function rowsOf(plan: readonly StepPlan[]): number {
  const last = plan.at(-1);
  return last === undefined ? 0 : last.firstSample + last.batchSize;
}

function planStep(step: number, start: number, end: number, total: number, train: TrainConfig): StepPlan {
  const progress = end / total;
  return {
    step,
    firstSample: start,
    batchSize: end - start,
    progress,
    learningRate: learningRateAt(progress, train),
    biasSpeed: biasSpeedAt(progress, train),
    mtpWeight: mtpWeightAt(progress, train),
  };
}

/** The learning rate of the step that ends at `progress`. */
export function learningRateAt(
  progress: number,
  train: Pick<TrainConfig, 'learningRate' | 'lrSchedule' | 'warmupFraction'>,
): number {
  const { learningRate, lrSchedule, warmupFraction } = train;
  if (progress < warmupFraction) return (learningRate * progress) / warmupFraction;
  switch (lrSchedule) {
    case 'constant':
      return learningRate;
    case 'cosine':
      return learningRate * cosine((progress - warmupFraction) / (1 - warmupFraction));
    case 'deepseek-v3':
      return learningRate * deepseekFactor(progress);
  }
}

function deepseekFactor(progress: number): number {
  if (progress <= constantUntil) return 1;
  if (progress <= cosineUntil) return cosine((progress - constantUntil) / (cosineUntil - constantUntil));
  return progress <= secondConstantUntil ? decayed : lastShare;
}

/** Half a cosine wave from 1 down to a tenth, `share` in 0..1. */
function cosine(share: number): number {
  return decayed + ((1 - decayed) * (1 + Math.cos(Math.PI * share))) / 2;
}

/**
 * Sequences of the step that starts at `progress`: under `deepseek-v3` linear in tokens from a fifth of `batchSize`
 * (the report gives the end points but not the shape). Always a multiple of `gradAccumSteps`, at least one each.
 */
export function batchSizeAt(
  progress: number,
  train: Pick<TrainConfig, 'batchSize' | 'batchSizeSchedule' | 'gradAccumSteps'>,
): number {
  const { batchSize, batchSizeSchedule, gradAccumSteps } = train;
  if (batchSizeSchedule === 'constant' || progress >= rampUntil) return batchSize;
  const wanted = batchSize * (rampFrom + (1 - rampFrom) * (progress / rampUntil));
  return Math.min(batchSize, gradAccumSteps * Math.max(1, Math.round(wanted / gradAccumSteps)));
}

/**
 * Rows the whole run will read, before rounding. On the ramp rows grow exponentially with steps (their rate is linear
 * in their sum), so the ramp takes `ln(1/from) / (1 - from)` times the steps it would take at full size.
 */
function expectedSamples(train: TrainConfig): number {
  const { steps, batchSize, batchSizeSchedule } = train;
  if (batchSizeSchedule === 'constant') return steps * batchSize;
  const slowdown = Math.log(1 / rampFrom) / (1 - rampFrom);
  return (steps * batchSize) / (1 - rampUntil + rampUntil * slowdown);
}

/** gamma: 0 for the last `expertBiasFreezeFraction` of the run (the report: 500B of 14.8T tokens). */
export function biasSpeedAt(
  progress: number,
  train: Pick<TrainConfig, 'expertBiasUpdateSpeed' | 'expertBiasFreezeFraction'>,
): number {
  return progress <= 1 - train.expertBiasFreezeFraction ? train.expertBiasUpdateSpeed : 0;
}

/** lambda: `mtpLossWeight`, then `mtpLossWeightFinal` (the report: 0.3, then 0.1 after 10T of 14.8T tokens). */
export function mtpWeightAt(
  progress: number,
  train: Pick<TrainConfig, 'mtpLossWeight' | 'mtpLossWeightFinal' | 'mtpLossSwitchFraction'>,
): number {
  return progress <= train.mtpLossSwitchFraction ? train.mtpLossWeight : train.mtpLossWeightFinal;
}
