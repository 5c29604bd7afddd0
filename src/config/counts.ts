// How large a model is and what a token costs, from its shape alone.
//
// Everything is summed over `parameter-shapes.ts`. The conventions are those under which the released models have their
// published sizes (F 1.3 and F 6.9 in `docs/facts.md`), and the golden tests are those numbers: the balancing biases
// count as parameters of DeepSeek-V3, though no gradient reaches them; DeepSeek-V2, with softmax affinities, has none.

import type { ModelConfig } from './model-config.ts';
import { bufferShapes, mainParameterShapes, mtpParameterShapes, type NamedShape } from './parameter-shapes.ts';

export interface ParameterCounts {
  /** Parameters of the main model, balancing biases included and MTP modules excluded. */
  readonly total: number;
  /** Parameters of the main model that one token visits, embedding and output head included. */
  readonly active: number;
  /** `active` without the input embedding, which is read and not multiplied: the report's "37B". */
  readonly activeWithoutEmbedding: number;
  /** Parameters that only the MTP modules have: without the shared embedding and output head. */
  readonly mtp: number;
  /** Numbers a cache holds per token and layer: the latent and the shared rotary key. */
  readonly kvCacheElementsPerTokenPerLayer: number;
  /**
   * The same for multi-head attention with the heads of this model: a key of `qkNopeHeadDim` and a value per head, as
   * the DeepSeek-V2 report compares them (arXiv:2405.04434, table 1). The rotary part of the keys is left out.
   */
  readonly mhaCacheElementsPerTokenPerLayer: number;
  /** The same with keys of the width that queries have here, `qkNopeHeadDim + qkRopeHeadDim`. */
  readonly mhaCacheWithRotaryElementsPerTokenPerLayer: number;
  /** Floating-point operations of training, per token; see `countParameters` for what is in it. */
  readonly flopsPerToken: number;
}

function size({ shape }: NamedShape): number {
  return shape.reduce((product, length) => product * length, 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The part of a tensor that one token visits: K of E routed experts, and all of everything else. */
function activeSize(tensor: NamedShape, { numExpertsPerTok, nRoutedExperts }: ModelConfig): number {
  const stacked = tensor.name.includes('.mlp.experts.');
  return stacked ? (size(tensor) / nRoutedExperts) * numExpertsPerTok : size(tensor);
}

/** Balancing biases in the main model and in the MTP modules; none where affinities are softmax, as in DeepSeek-V2. */
function biasSizes(config: ModelConfig): { main: number; mtp: number } {
  if (config.scoringFunc === 'softmax') return { main: 0, mtp: 0 };
  const all = sum(bufferShapes(config).map(size));
  const main = sum(bufferShapes({ ...config, numNextnPredictLayers: 0 }).map(size));
  return { main, mtp: all - main };
}

/** Multiplications per token with weight matrices in one forward pass; each MTP depth runs the output head again. */
function weightProducts(tensors: readonly NamedShape[], config: ModelConfig): number {
  const matrices = tensors.filter(({ name, shape }) => shape.length > 1 && name !== 'model.embed_tokens.weight');
  const head = config.vocabSize * config.hiddenSize;
  return sum(matrices.map((tensor) => activeSize(tensor, config))) + config.numNextnPredictLayers * head;
}

/** Multiplications per token of the attention scores and of the weighted values, averaged over a causal sequence. */
function attentionProducts(config: ModelConfig, seqLen: number): number {
  const layers = config.numHiddenLayers + config.numNextnPredictLayers;
  const widths = config.qkNopeHeadDim + config.qkRopeHeadDim + config.vHeadDim;
  return layers * config.numAttentionHeads * widths * ((seqLen + 1) / 2);
}

/** The length the shape was made for: before YaRN's extension, if it has one. */
function nativeLength({ ropeScaling, maxPositionEmbeddings }: ModelConfig): number {
  return ropeScaling?.originalMaxPositionEmbeddings ?? maxPositionEmbeddings;
}

/**
 * Counts parameters, cache and operations of a model.
 *
 * `flopsPerToken` is forward and backward of training with sequences of `seqLen` tokens, MTP modules included:
 * 6 * (W + (layers + D) * H * (nope + rope + v) * (seqLen + 1) / 2), where W is the size of all matrices a token visits
 * (K of E experts; the output head 1 + D times; not the embedding, which is looked up) and the second term is causal
 * attention, half a square. 6 is 2 operations per multiplication, once forward and twice backward. Norms, activations,
 * the softmax and recomputation are left out, as is usual.
 */
export function countParameters(config: ModelConfig, seqLen: number = nativeLength(config)): ParameterCounts {
  const main = mainParameterShapes(config);
  const mtp = mtpParameterShapes(config);
  const biases = biasSizes(config);
  const active = sum(main.map((tensor) => activeSize(tensor, config))) + biases.main;
  const { numAttentionHeads, qkNopeHeadDim, vHeadDim, kvLoraRank, qkRopeHeadDim } = config;
  return {
    total: sum(main.map(size)) + biases.main,
    active,
    activeWithoutEmbedding: active - config.vocabSize * config.hiddenSize,
    mtp: sum(mtp.map(size)) + biases.mtp,
    kvCacheElementsPerTokenPerLayer: kvLoraRank + qkRopeHeadDim,
    mhaCacheElementsPerTokenPerLayer: numAttentionHeads * (qkNopeHeadDim + vHeadDim),
    mhaCacheWithRotaryElementsPerTokenPerLayer: numAttentionHeads * (qkNopeHeadDim + qkRopeHeadDim + vHeadDim),
    flopsPerToken: 6 * (weightProducts([...main, ...mtp], config) + attentionProducts(config, seqLen)),
  };
}
