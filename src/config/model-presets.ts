// The shapes of the presets, each a short list of differences from another one.
//
// The released models come first and are exact; the miniatures shrink the first of them. Look presets up by name in
// `presets.ts`.

import type { ModelConfig, YarnScaling } from './model-config.ts';

/** From 4K to 160K tokens, in the released models; `mscale` is the coefficient of the temperature. */
function releasedYarn(mscale: number): YarnScaling {
  return {
    type: 'yarn',
    factor: 40,
    originalMaxPositionEmbeddings: 4096,
    betaFast: 32,
    betaSlow: 1,
    mscale,
    mscaleAllDim: mscale,
  };
}

/** The released `config.json` (F 8.1); its `initializer_range` is a default, the report trained with 0.006. */
export const deepseekV3: ModelConfig = {
  vocabSize: 129280,
  hiddenSize: 7168,
  intermediateSize: 18432,
  moeIntermediateSize: 2048,
  numHiddenLayers: 61,
  numAttentionHeads: 128,
  qLoraRank: 1536,
  kvLoraRank: 512,
  qkNopeHeadDim: 128,
  qkRopeHeadDim: 64,
  vHeadDim: 128,
  nRoutedExperts: 256,
  nSharedExperts: 1,
  numExpertsPerTok: 8,
  nGroup: 8,
  topkGroup: 4,
  normTopkProb: true,
  routedScalingFactor: 2.5,
  scoringFunc: 'sigmoid',
  firstKDenseReplace: 3,
  numNextnPredictLayers: 1,
  maxPositionEmbeddings: 163840,
  ropeTheta: 10000,
  ropeScaling: releasedYarn(1),
  ropeInterleave: true,
  rmsNormEps: 1e-6,
  initializerRange: 0.02,
  bosTokenId: 0,
  eosTokenId: 1,
  mtpConcatOrder: 'embedding-first',
  mtpHiddenState: 'post-norm',
  expertBiasForm: 'additive',
};

/** DeepSeek-V2 (arXiv 2405.04434): softmax affinities, balanced by losses alone, no multi-token prediction. */
export const deepseekV2: ModelConfig = {
  ...deepseekV3,
  vocabSize: 102400,
  hiddenSize: 5120,
  intermediateSize: 12288,
  moeIntermediateSize: 1536,
  numHiddenLayers: 60,
  nRoutedExperts: 160,
  nSharedExperts: 2,
  numExpertsPerTok: 6,
  topkGroup: 3,
  normTopkProb: false,
  routedScalingFactor: 16,
  scoringFunc: 'softmax',
  firstKDenseReplace: 1,
  numNextnPredictLayers: 0,
  // biome-ignore lint/suspicious/noApproximativeNumericConstant: released as 0.707, not as the square root of a half
  ropeScaling: releasedYarn(0.707),
  bosTokenId: 100000,
  eosTokenId: 100001,
};

/** DeepSeek-V2-Lite: no compression of the queries and no groups. */
export const deepseekV2Lite: ModelConfig = {
  ...deepseekV2,
  hiddenSize: 2048,
  intermediateSize: 10944,
  moeIntermediateSize: 1408,
  numHiddenLayers: 27,
  numAttentionHeads: 16,
  qLoraRank: null,
  nRoutedExperts: 64,
  nGroup: 1,
  topkGroup: 1,
  routedScalingFactor: 1,
};

/**
 * DeepSeek-V3 at a width of 128; two experts per kept group, as in the released model (F 11).
 *
 * `initializerRange`: the report's 0.006 goes with a width of 7168. What reaches the next layer grows with
 * std * sqrt(width), 0.51 there; with 0.006 at a width of 128 it is 0.07, so logits and router affinities start almost
 * constant and the run starts slowly. 0.006 * sqrt(7168 / 128) = 0.045 keeps the product (F 1.7, F 6.3).
 */
export const tiny: ModelConfig = {
  ...deepseekV3,
  vocabSize: 1024,
  hiddenSize: 128,
  intermediateSize: 512,
  moeIntermediateSize: 64,
  numHiddenLayers: 4,
  numAttentionHeads: 4,
  qLoraRank: 64,
  kvLoraRank: 32,
  qkNopeHeadDim: 32,
  qkRopeHeadDim: 16,
  vHeadDim: 32,
  nRoutedExperts: 16,
  numExpertsPerTok: 4,
  nGroup: 4,
  topkGroup: 2,
  firstKDenseReplace: 1,
  maxPositionEmbeddings: 512,
  ropeScaling: null,
  initializerRange: 0.045,
};

/** The shape of `tiny` with a larger vocabulary, for experiments. */
export const mini: ModelConfig = { ...tiny, vocabSize: 2048 };

/** Half as wide again as `tiny`, with more and still finer experts; 0.006 * sqrt(7168 / 192) = 0.037. */
export const small: ModelConfig = {
  ...tiny,
  vocabSize: 4096,
  hiddenSize: 192,
  intermediateSize: 768,
  moeIntermediateSize: 96,
  numHiddenLayers: 6,
  numAttentionHeads: 6,
  qLoraRank: 96,
  kvLoraRank: 48,
  nRoutedExperts: 32,
  initializerRange: 0.037,
};

/**
 * A size of the PyTorch benchmark this project is measured against. Whatever the benchmark leaves unset has the default
 * of transformers' `DeepseekV3Config`; transformers trains no multi-token prediction, so there is none.
 */
export function peer(hiddenSize: number, layers: number, experts: number, expertsPerTok: number): ModelConfig {
  const numAttentionHeads = Math.max(2, hiddenSize / 32);
  return {
    ...tiny,
    vocabSize: 512,
    hiddenSize,
    intermediateSize: 4 * hiddenSize,
    moeIntermediateSize: hiddenSize / 2,
    numHiddenLayers: layers,
    numAttentionHeads,
    qLoraRank: hiddenSize / 2,
    kvLoraRank: hiddenSize / 4,
    nRoutedExperts: experts,
    numExpertsPerTok: expertsPerTok,
    numNextnPredictLayers: 0,
    initializerRange: 0.02,
  };
}
