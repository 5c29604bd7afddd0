// Multi-head latent attention. Unusual: queries and keys/values pass through narrow latents with norms of their own,
// and position enters only through a separate rotary slice, whose key is shared by all heads.
// Shape legend: B batch, T tokens, N = B*T, D hiddenSize, H heads, P qkNopeHeadDim, R qkRopeHeadDim, V vHeadDim,
// C kvLoraRank.

import type { ModelConfig } from '../config/model-config.ts';
import { Linear } from '../layers/linear.ts';
import { RMSNorm } from '../layers/rms-norm.ts';
import { softmaxScale } from '../layers/rotary-embedding.ts';
import type { AttentionVisibility } from '../ops/mla-attention.ts';
import { float32Products, type Products } from '../ops/products.ts';
import { applyRotary, type RotaryTables } from '../ops/rotary.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { reshape } from '../tensor/plain-ops.ts';
import { recomputed } from '../tensor/recompute.ts';
import { tf } from '../tensor/tf.ts';

/** What a cache keeps of each token. Keys and values are made from this alone. */
export interface Latent {
  /** Normed key/value latent [B, T, C]. */
  readonly cKv: tf.Tensor3D;
  /** Rotated shared key [B, T, R]. */
  readonly kRope: tf.Tensor3D;
}

/** Positions and visibility, the same for all layers of a forward pass. */
export interface AttentionContext {
  readonly rotary: RotaryTables;
  readonly visibility: AttentionVisibility;
}

/** What a decoder layer needs of its attention. */
export interface Attention {
  /** Shapes: x [B, T, D] -> [B, T, D]. */
  apply(x: tf.Tensor3D, context: AttentionContext): tf.Tensor3D;
}

/**
 * Multi-head latent attention (arXiv:2412.19437 section 2.1.1, eq. 1-11), with the RMSNorms on both latents that the
 * report names in section 4.2 and the released weights have.
 */
export class MultiHeadLatentAttention implements Attention {
  readonly config: ModelConfig;
  readonly kvBProj: Linear;
  readonly oProj: Linear;
  /** How products round their operands; absent where they do not. */
  readonly recipe: Products['recipe'];
  readonly #attend: Products['attention'];
  readonly #query: (x: tf.Tensor2D) => tf.Tensor2D;
  readonly #kvAProjWithMqa: Linear;
  readonly #kvALayernorm: RMSNorm;

  constructor(store: ParameterStore, name: string, config: ModelConfig, products: Products = float32Products) {
    const { linear } = products;
    const { hiddenSize: D, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = config;
    const C = config.kvLoraRank;
    this.config = config;
    this.recipe = products.recipe;
    this.#attend = products.attention;
    this.#query = createQuery(store, name, config, linear);
    this.#kvAProjWithMqa = new Linear(store, `${name}.kv_a_proj_with_mqa`, D, C + R, linear);
    this.#kvALayernorm = new RMSNorm(store, `${name}.kv_a_layernorm`, C, latentNormEps);
    this.kvBProj = new Linear(store, `${name}.kv_b_proj`, C, H * (P + V), linear);
    this.oProj = new Linear(store, `${name}.o_proj`, H * V, D, products.linearAfterAttention);
  }

  /** Naive form: per-head keys and values are materialised. Shapes: x [B, T, D] -> [B, T, D]. */
  apply(x: tf.Tensor3D, context: AttentionContext): tf.Tensor3D {
    const [B, T, D] = x.shape;
    const q = this.queries(x, context.rotary);
    const heads = this.naiveHeads(q, this.latent(x, context.rotary), context.visibility);
    return reshape(this.oProj.apply(heads), [B, T, D]);
  }

  /** The naive form up to the output projection. Shapes: q [B, T, H, P+R], latents of the same tokens -> [B*T, H*V]. */
  naiveHeads(q: tf.Tensor4D, { cKv, kRope }: Latent, visibility: AttentionVisibility): tf.Tensor2D {
    const { numAttentionHeads: H, qkNopeHeadDim: P, vHeadDim: V, kvLoraRank: C } = this.config;
    const [B, T] = q.shape;
    const up = recomputed(() => this.kvBProj.apply(reshape(cKv, [B * T, C])));
    const kv = reshape<tf.Rank.R4>(up, [B, T, H, P + V]);
    const heads = this.#attend(q, kv, kRope, visibility, softmaxScale(this.config)); // [B, T, H*V]
    return reshape(heads, [B * T, H * V]);
  }

  /** Rotated queries. Shapes: x [B, T, D] -> [B, T, H, P+R]. */
  queries(x: tf.Tensor3D, rotary: RotaryTables): tf.Tensor4D {
    const { numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R } = this.config;
    const [B, T, D] = x.shape;
    const query = this.#query(reshape(x, [B * T, D]));
    const turn = () => applyRotary(reshape(query, [B, T, H, P + R]), rotary);
    return this.config.qLoraRank === null ? turn() : recomputed(turn); // from the compressed query
  }

  /** The latent of each token: `kvLoraRank + qkRopeHeadDim` numbers, whatever the number of heads. */
  latent(x: tf.Tensor3D, rotary: RotaryTables): Latent {
    const { kvLoraRank: C, qkRopeHeadDim: R } = this.config;
    const [B, T, D] = x.shape;
    const compressed = this.#kvAProjWithMqa.apply(reshape(x, [B * T, D])); // [N, C+R]
    const [cKv, kRope] = tf.split(compressed, [C, R], 1) as [tf.Tensor2D, tf.Tensor2D];
    return {
      cKv: reshape(this.#kvALayernorm.apply(cKv), [B, T, C]),
      kRope: reshape(applyRotary(reshape(kRope, [B, T, 1, R]), rotary), [B, T, R]),
    };
  }
}

/** transformers builds the latent norms with its class default rather than `rms_norm_eps`; 1e-6 suits every loader. */
export const latentNormEps = 1e-6;

/** Compressed queries, or plain ones where `qLoraRank` is null. Shapes: [N, D] -> [N, H*(P+R)]. */
function createQuery(
  store: ParameterStore,
  name: string,
  config: ModelConfig,
  multiply: Products['linear'],
): (x: tf.Tensor2D) => tf.Tensor2D {
  const { hiddenSize: D, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, qLoraRank } = config;
  if (qLoraRank === null) {
    const qProj = new Linear(store, `${name}.q_proj`, D, H * (P + R), multiply);
    return (x) => qProj.apply(x);
  }
  const qAProj = new Linear(store, `${name}.q_a_proj`, D, qLoraRank, multiply);
  const qALayernorm = new RMSNorm(store, `${name}.q_a_layernorm`, qLoraRank, latentNormEps);
  const qBProj = new Linear(store, `${name}.q_b_proj`, qLoraRank, H * (P + R), multiply);
  return (x) => {
    const compressed = qALayernorm.apply(qAProj.apply(x));
    return recomputed(() => qBProj.apply(compressed));
  };
}
