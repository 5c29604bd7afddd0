// Hugging Face transformers, `DeepseekV3ForCausalLM`: the only one of the four that runs at any size, on a CPU, in
// float32.

import { additiveBias, embeddingFirst, postNormState, sigmoidAffinities } from './common-rules.ts';
import type { LoaderRule } from './loader-rule.ts';

const mtpIgnored: LoaderRule = ({ numNextnPredictLayers, numHiddenLayers }) => {
  if (numNextnPredictLayers === 0) return undefined;
  return {
    level: 'note',
    what:
      `the MTP module (layer ${numHiddenLayers}) is left out of the model, and from_pretrained lists its tensors as ` +
      'unexpected; save_pretrained does not write them',
    fix: 'export with --no-mtp to leave it out, or keep it to draft with it there, as docs/outgrow.md shows',
  };
};

const emptySharedExpert: LoaderRule = ({ nSharedExperts }) => {
  if (nSharedExperts > 0) return undefined;
  const what = 'nSharedExperts 0: from_pretrained lists the tensors of a shared expert of width 0 as missing; harmless';
  return { level: 'note', what, fix: '' };
};

/** Experts run in one grouped product by default, whose rows must start on multiples of 16 bytes. */
const groupedProduct: LoaderRule = ({ hiddenSize, moeIntermediateSize }) => {
  if (hiddenSize % 8 === 0 && moeIntermediateSize % 8 === 0) return undefined;
  return {
    level: 'note',
    what:
      `hiddenSize ${hiddenSize} and moeIntermediateSize ${moeIntermediateSize}: the default implementation of experts ` +
      'fails unless both are multiples of 8 (of 4 in float32)',
    fix: 'load it with experts_implementation="eager", or train with multiples of 8',
  };
};

export const transformersRules: readonly LoaderRule[] = [
  sigmoidAffinities,
  additiveBias,
  embeddingFirst,
  postNormState,
  groupedProduct,
  emptySharedExpert,
  mtpIgnored,
];
