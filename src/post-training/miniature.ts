// The model of the small studies: 0.13 million parameters, which learn a chain of operations within seconds.

import type { ModelConfig } from '../config/model-config.ts';
import { modelPreset } from '../config/presets.ts';

/** One dense layer and one of four experts, 64 wide; `vocabSize` and special tokens follow the tokenizer. */
export const miniatureModel: ModelConfig = {
  ...modelPreset('tiny'),
  hiddenSize: 64,
  intermediateSize: 128,
  moeIntermediateSize: 64,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  qLoraRank: null,
  kvLoraRank: 32,
  qkNopeHeadDim: 16,
  qkRopeHeadDim: 16,
  vHeadDim: 16,
  nRoutedExperts: 4,
  numExpertsPerTok: 2,
  nGroup: 1,
  topkGroup: 1,
  numNextnPredictLayers: 0,
  maxPositionEmbeddings: 128,
  initializerRange: 0.04,
};
