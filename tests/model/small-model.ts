// A model of eighteen thousand parameters for tests of properties. Sizes are distinct primes wherever the architecture
// allows it (the rotary width is even, the groups divide the experts), and initialisation is wide, so that everything
// matters.

import type { ModelConfig, YarnScaling } from '../../src/config/model-config.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { createRandom, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';

export const smallConfig: ModelConfig = {
  vocabSize: 37,
  hiddenSize: 19,
  intermediateSize: 23,
  moeIntermediateSize: 7,
  numHiddenLayers: 2,
  numAttentionHeads: 3,
  qLoraRank: 13,
  kvLoraRank: 11,
  qkNopeHeadDim: 5,
  qkRopeHeadDim: 6,
  vHeadDim: 17,
  nRoutedExperts: 12,
  nSharedExperts: 1,
  numExpertsPerTok: 4,
  nGroup: 3,
  topkGroup: 2,
  normTopkProb: true,
  routedScalingFactor: 2.5,
  scoringFunc: 'sigmoid',
  firstKDenseReplace: 1,
  numNextnPredictLayers: 2,
  maxPositionEmbeddings: 64,
  ropeTheta: 10_000,
  ropeScaling: null,
  ropeInterleave: true,
  rmsNormEps: 1e-6,
  initializerRange: 0.3,
  bosTokenId: 0,
  eosTokenId: 1,
  mtpConcatOrder: 'embedding-first',
  mtpHiddenState: 'post-norm',
  expertBiasForm: 'additive',
};

/** The YaRN of the golden case `yarn`: with theta 100 and ten rotary channels, two of five frequencies are blends. */
export const smallYarn: Pick<ModelConfig, 'qkRopeHeadDim' | 'ropeTheta'> & { readonly ropeScaling: YarnScaling } = {
  qkRopeHeadDim: 10,
  ropeTheta: 100,
  ropeScaling: {
    type: 'yarn',
    factor: 4,
    originalMaxPositionEmbeddings: 8,
    betaFast: 4,
    betaSlow: 0.1,
    mscale: 1,
    mscaleAllDim: 1,
  },
};

/** Rows of random token ids. */
export function randomIds(rows: number, length: number, vocabSize: number, seed: number): number[][] {
  const random = createRandom(seed);
  return Array.from({ length: rows }, () => Array.from({ length }, () => Math.floor(random() * vocabSize)));
}

export const idTensor = (rows: readonly (readonly number[])[]): tf.Tensor2D =>
  tf.tensor2d(
    rows.map((row) => [...row]),
    undefined,
    'int32',
  );

/** Gives every layer a random balancing bias, large enough to change who is selected, most of it below zero. */
export function spreadBiases(model: DeepseekV3ForCausalLM, seed: number): void {
  for (const [layer, bias] of model.expertBiases) {
    const values = normalArray(bias.size, 0.3, seed + layer).map((value) => value - 0.6);
    tf.tidy(() => bias.assign(tf.tensor1d(values)));
  }
}
