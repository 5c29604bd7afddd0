// What one token costs in arithmetic, bytes to send and bytes to keep, for the whole model.
//
// Legend: D hiddenSize, H heads, F width of an expert, K experts per token.

import type { ModelConfig } from '../../config/model-config.ts';
import { type NamedShape, parameterShapes } from '../../config/parameter-shapes.ts';

/** FLOPs per token of a forward pass over all layers, MTP modules included. */
export interface ForwardWork {
  /**
   * Products in FP8: all linear layers but the next two. Their gradients of inputs and of weights cost as much each.
   */
  readonly linear: number;
  /** The part of `linear` that routed experts do, which waits for the most loaded rank. */
  readonly routed: number;
  /** Products in BF16: the output head, once for each depth of MTP and once more, and the routers (report 3.3.1). */
  readonly wide: number;
  /** Scores and weighted values of causal attention, in BF16. */
  readonly attention: number;
  /** What the backward pass computes again: the products that expand the two latents (report 3.2.3). */
  readonly recomputed: number;
}

const size = ({ shape }: NamedShape) => shape.reduce((product, length) => product * length, 1);
const isRouted = ({ name }: NamedShape) => name.includes('.mlp.experts.');
const isWide = ({ name }: NamedShape) => name === 'lm_head.weight' || name.endsWith('.mlp.gate.weight');
const isExpansion = ({ name }: NamedShape) => /\.self_attn\.(q_b_proj|kv_b_proj)\.weight$/.test(name);

export function forwardWork(config: ModelConfig, seqLen: number): ForwardWork {
  const { numExpertsPerTok, nRoutedExperts, numNextnPredictLayers, numHiddenLayers, numAttentionHeads } = config;
  const matrices = parameterShapes(config).filter(
    ({ name, shape }) => shape.length > 1 && name !== 'model.embed_tokens.weight',
  );
  const products = (keep: (tensor: NamedShape) => boolean) =>
    2 * matrices.filter(keep).reduce((sum, tensor) => sum + size(tensor), 0);
  const routed = (products(isRouted) * numExpertsPerTok) / nRoutedExperts;
  const head = 2 * config.vocabSize * config.hiddenSize;
  const widths = config.qkNopeHeadDim + config.qkRopeHeadDim + config.vHeadDim;
  return {
    linear: products((tensor) => !isRouted(tensor) && !isWide(tensor)) + routed,
    routed,
    wide: products(isWide) + numNextnPredictLayers * head,
    attention: 2 * (numHiddenLayers + numNextnPredictLayers) * numAttentionHeads * widths * ((seqLen + 1) / 2),
    recomputed: products(isExpansion),
  };
}

/** Layers with experts, those of MTP modules included. */
export function expertLayers({ numHiddenLayers, numNextnPredictLayers, firstKDenseReplace }: ModelConfig): number {
  return numHiddenLayers + numNextnPredictLayers - firstKDenseReplace;
}

/** Parameters, by how they are shared out: routed experts by expert parallelism, the others by none. */
export function parameterSplit(config: ModelConfig): { readonly routed: number; readonly others: number } {
  const tensors = parameterShapes(config);
  const sum = (list: readonly NamedShape[]) => list.reduce((total, tensor) => total + size(tensor), 0);
  return { routed: sum(tensors.filter(isRouted)), others: sum(tensors.filter((tensor) => !isRouted(tensor))) };
}

/** Formats in which a token's hidden state is sent to experts. */
export type DispatchFormat = 'fp8' | 'bf16';

/** Bytes of one hidden state: FP8 with a float32 scale for each 128 numbers, or BF16 (report 3.3.3). */
export function hiddenStateBytes({ hiddenSize }: ModelConfig, format: DispatchFormat): number {
  return format === 'bf16' ? 2 * hiddenSize : hiddenSize + 4 * Math.ceil(hiddenSize / 128);
}

/**
 * Bytes that a token leaves in all layers for the backward pass, with the savings of the report (3.2.3, 3.3.3): norms
 * and the expansion of the latents are computed again; what linear layers read is kept in FP8, after attention in 12
 * bits; of SwiGLU its inputs are kept, in FP8. The input of a layer and the latents are kept in BF16.
 */
export function activationBytes(config: ModelConfig): number {
  const { hiddenSize: D, qLoraRank, kvLoraRank, qkRopeHeadDim, numAttentionHeads, vHeadDim } = config;
  const { numExpertsPerTok, nSharedExperts, moeIntermediateSize: F, intermediateSize, firstKDenseReplace } = config;
  const attention = 2 * D + 2 * ((qLoraRank ?? D) + kvLoraRank + qkRopeHeadDim) + 1.5 * numAttentionHeads * vHeadDim;
  const dense = D + 2 * intermediateSize;
  const mixture = D + 2 * F * nSharedExperts + numExpertsPerTok * (D + 2 * F);
  const experts = expertLayers(config);
  return (experts + firstKDenseReplace) * attention + firstKDenseReplace * dense + experts * mixture;
}
