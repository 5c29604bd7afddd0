// Sizes that several studies share. Speeds are of one thread of the CPU engine on a core of an AMD EPYC.

import type { ModelConfig } from '../../config/model-config.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import type { Changes, Study } from '../study.ts';

/**
 * Runs of a study write no text samples and keep only the last checkpoint. Each evaluation reads the whole held-out
 * text, so that all points of a curve are measured on the same text.
 */
const leanRun: Partial<TrainConfig> = { sampleTokens: 0, keepCheckpoints: 1, evalTokens: 1e9 };

/** 16 fine-grained experts, 4 active and one shared, in two MoE layers of width 64: 27 ms for a step of 512 tokens. */
export const smallMoe: Partial<ModelConfig> = {
  hiddenSize: 64,
  intermediateSize: 256,
  moeIntermediateSize: 32,
  numHiddenLayers: 3,
  numAttentionHeads: 2,
  qLoraRank: 32,
  kvLoraRank: 16,
  nGroup: 1,
  topkGroup: 1,
  numNextnPredictLayers: 0,
  initializerRange: 0.064, // 0.51 / sqrt(64), see the presets
};

/** 2000 steps of 512 tokens: a million tokens, about a minute. */
export const smallMoeTrain: Partial<TrainConfig> = {
  ...leanRun,
  tokenizer: 'bpe:512',
  steps: 2000,
  batchSize: 8,
  seqLen: 64,
  evalEvery: 400,
  checkpointEvery: 250,
};

/** A few seconds a run: enough to see every chart, too short to judge anything by. */
export const smallMoeQuick: Changes = {
  trainChanges: { steps: 60, tokenizer: 'bytes', evalEvery: 20, checkpointEvery: 20, heldOutFraction: 0.01 },
};

/** Three kinds of text, for a model of the shape of `tiny` without groups and MTP: 800 steps of 1024 tokens. */
export const threeDomains: Pick<Study, 'base' | 'quick'> = {
  base: {
    modelChanges: { nGroup: 1, topkGroup: 1, numNextnPredictLayers: 0 },
    trainChanges: {
      ...leanRun,
      data: 'moby-dick:1,code:1,math:1',
      steps: 800,
      heldOutFraction: 0.02,
      evalEvery: 160,
      checkpointEvery: 200,
    },
  },
  quick: {
    modelChanges: smallMoe,
    trainChanges: { steps: 60, seqLen: 64, tokenizer: 'bytes', evalEvery: 20, heldOutFraction: 0.005 },
  },
};
