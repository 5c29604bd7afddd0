// What papers call the keys of a configuration.

import type { ModelConfig, YarnScaling } from '../src/config/model-config.ts';
import type { TrainConfig } from '../src/config/train-config.ts';

/** The symbols of the report (arXiv:2412.19437); those inside `ropeScaling`, and `b`, are YaRN's (arXiv:2309.00071). */
export const paperSymbols: Readonly<
  Partial<Record<keyof ModelConfig | keyof TrainConfig | keyof YarnScaling, string>>
> = {
  vocabSize: 'V',
  hiddenSize: 'd',
  numAttentionHeads: 'n_h',
  qLoraRank: "d'_c",
  kvLoraRank: 'd_c',
  qkNopeHeadDim: 'd_h',
  qkRopeHeadDim: 'd_h^R',
  vHeadDim: 'd_h',
  nRoutedExperts: 'N_r',
  nSharedExperts: 'N_s',
  numExpertsPerTok: 'K_r',
  topkGroup: 'M',
  numNextnPredictLayers: 'D',
  ropeTheta: 'b',
  factor: 's',
  originalMaxPositionEmbeddings: 'L',
  betaFast: 'beta',
  betaSlow: 'alpha',
  seqLen: 'T',
  adamBeta1: 'beta_1',
  adamBeta2: 'beta_2',
  expertBiasUpdateSpeed: 'gamma',
  balanceLossFactor: 'alpha',
  mtpLossWeight: 'lambda',
  mtpLossWeightFinal: 'lambda',
};
