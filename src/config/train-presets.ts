// The training settings of the presets: the report's recipe (F 6.4 in `docs/facts.md`) as fractions of a short run.
//
// They depend on nothing but the preset: two machines and two backends train the same model.

import type { TrainConfig } from './train-config.ts';

/**
 * Settings of a run of `tiny`; the other presets derive from it.
 *
 * The fractions are the report's (F 6.4). `expertBiasUpdateSpeed` is the report's 0.001 only in runs of a thousand
 * steps or more: the bias can travel at most speed * steps, and it needs 0.1 to 1 to reorder sigmoid affinities (F
 * 2.4), so a shorter run has a higher speed. The batch-size ramp is off because a fifth of a batch of 8 is no batch,
 * and FIM (0.1 in the report) and punctuation splitting (rate unpublished) are off because they serve prompts, not the
 * loss on plain text.
 */
export const defaultTrainConfig: TrainConfig = {
  data: 'moby-dick',
  tokenizer: 'bpe:1024',
  textKey: '',
  documentSeparator: '',
  heldOutFraction: 0.05,
  steps: 300,
  batchSize: 8,
  seqLen: 128,
  alternateSeqLen: 0,
  gradAccumSteps: 1,
  seed: 0,
  precision: 'float32',
  recompute: 'none',
  cachedActivations: 'fp8',
  learningRate: 3e-3,
  lrSchedule: 'deepseek-v3',
  warmupFraction: 0.02,
  batchSizeSchedule: 'constant',
  adamBeta1: 0.9,
  adamBeta2: 0.95,
  adamEps: 1e-8,
  adamMoments: 'float32',
  weightDecay: 0.1,
  maxGradNorm: 1,
  emaDecay: 0,
  balancing: 'bias',
  expertBiasUpdateSpeed: 0.002,
  expertBiasUpdateRule: 'sign',
  expertBiasRecenter: false,
  expertBiasFreezeFraction: 0.5 / 14.8,
  balanceLossFactor: 1e-4,
  mtpLossWeight: 0.3,
  mtpLossWeightFinal: 0.1,
  mtpLossSwitchFraction: 10 / 14.8,
  documentMask: false,
  fimRate: 0,
  splitPunctuationRate: 0,
  evalEvery: 100,
  evalTokens: 8192,
  checkpointEvery: 100,
  keepCheckpoints: 2,
  sampleTokens: 64,
};

/** Longer runs on three kinds of text, so that experts have something to specialise in. */
export const miniTrain: TrainConfig = {
  ...defaultTrainConfig,
  data: 'moby-dick:1,code:1,math:1',
  tokenizer: 'bpe:2048',
  steps: 2000,
  seqLen: 256,
  expertBiasUpdateSpeed: 0.001,
  evalEvery: 250,
  checkpointEvery: 500,
};

/** About seven minutes on two cores with the CPU engine (0.42 s a step); a wider model takes a lower rate. */
export const smallTrain: TrainConfig = {
  ...miniTrain,
  tokenizer: 'bpe:4096',
  steps: 1000,
  seqLen: 128,
  learningRate: 2e-3,
};

/** A constant rate, as in the benchmark; a run is so short that the bias needs larger steps still. */
export function peerTrain(batchSize: number, seqLen: number): TrainConfig {
  return {
    ...defaultTrainConfig,
    tokenizer: 'bpe:512',
    steps: 100,
    batchSize,
    seqLen,
    learningRate: 1e-3,
    lrSchedule: 'constant',
    warmupFraction: 0,
    expertBiasUpdateSpeed: 0.005,
  };
}

/** For counting only: 4096 tokens are what the released models were pre-trained at. */
export const countingTrain: TrainConfig = { ...defaultTrainConfig, seqLen: 4096 };
