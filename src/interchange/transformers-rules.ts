// Hugging Face transformers, `DeepseekV3ForCausalLM`: the only one of the four that runs at any size, on a CPU, in
// float32.

import type { FloatFormat } from '../io/float-formats.ts';
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

const bytesOf: Readonly<Record<FloatFormat, number>> = { F32: 4, BF16: 2, F16: 2 };

/** Experts run in one grouped product by default, on the CPU too, whose rows must start on multiples of 16 bytes. */
const groupedProduct: LoaderRule = ({ hiddenSize, moeIntermediateSize }, format) => {
  const bytes = bytesOf[format];
  const odd = Object.entries({ hiddenSize, moeIntermediateSize }).filter(([, width]) => (width * bytes) % 16 !== 0);
  if (odd.length === 0) return undefined;
  const rows = odd.map(([key, width]) => `${key} ${width} (rows of ${width * bytes} bytes in ${format})`).join(' and ');
  return {
    level: 'refused',
    what: `${rows}: the default implementation of experts takes only rows of a multiple of 16 bytes`,
    fix: `load it with experts_implementation="eager", which takes any size, or train with multiples of ${16 / bytes}`,
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
