// Hugging Face transformers, `DeepseekV3ForCausalLM`: the only one of the four that runs at any size, on a CPU, in
// float32.

import type { FloatFormat } from '../io/float-formats.ts';
import { additiveBias, embeddingFirst, postNormState, sigmoidAffinities } from './common-rules.ts';
import { isFp8, plainFormat, unevenSizes } from './export-format.ts';
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
  const stored = plainFormat(format);
  const bytes = bytesOf[stored];
  const odd = Object.entries({ hiddenSize, moeIntermediateSize }).filter(([, width]) => (width * bytes) % 16 !== 0);
  if (odd.length === 0) return undefined;
  const rows = odd.map(([key, width]) => `${key} ${width} (rows of ${width * bytes} bytes in ${stored})`).join(' and ');
  return {
    level: 'refused',
    what: `${rows}: the default implementation of experts takes only rows of a multiple of 16 bytes`,
    fix: `load it with experts_implementation="eager", which takes any size, or train with multiples of ${16 / bytes}`,
  };
};

/**
 * Without a GPU, FP8 weights are multiplied out while loading, and the size of a block is taken to be that of the
 * matrix
 * divided by the number of blocks (`Fp8Dequantize` of transformers 5.18), which is wrong where the last block is
 * smaller.
 */
const evenBlocks: LoaderRule = (config, format) => {
  if (!isFp8(format)) return undefined;
  const { block } = format;
  const uneven = unevenSizes(config, block);
  if (uneven.length === 0) return undefined;
  const smaller = [64, 32, 16].find((size) => size < block && unevenSizes(config, size).length === 0);
  return {
    level: uneven.some((size) => size % Math.ceil(size / block) !== 0) ? 'refused' : 'different',
    what:
      `weights in FP8 with ${uneven.join(', ')} rows or columns: on a CPU their blocks are taken to be of equal size, ` +
      `and not of ${block}`,
    fix: `export with ${smaller === undefined ? '' : `--fp8-block ${smaller}, or `}--dtype bf16`,
  };
};

export const transformersRules: readonly LoaderRule[] = [
  sigmoidAffinities,
  additiveBias,
  embeddingFirst,
  postNormState,
  groupedProduct,
  evenBlocks,
  emptySharedExpert,
  mtpIgnored,
];
