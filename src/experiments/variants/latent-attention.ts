// Latent attention without one of its parts: what the norms of the latents and the rotary channels are good for.
// Shape legend: B batch, T tokens, D hiddenSize, H heads, P qkNopeHeadDim, R qkRopeHeadDim, V vHeadDim, C kvLoraRank.

import type { ModelConfig } from '../../config/model-config.ts';
import { Linear } from '../../layers/linear.ts';
import { softmaxScale } from '../../layers/rotary-embedding.ts';
import { type Attention, type AttentionContext, MultiHeadLatentAttention } from '../../mla/attention.ts';
import { mlaAttention } from '../../ops/mla-attention.ts';
import type { Products } from '../../ops/products.ts';
import { applyRotary } from '../../ops/rotary.ts';
import type { ParameterStore } from '../../tensor/parameters.ts';
import { tf } from '../../tensor/tf.ts';

/** Attention that knows nothing of positions: no channel is rotated. It has all parameters. */
export class UnrotatedLatentAttention extends MultiHeadLatentAttention {
  override apply(x: tf.Tensor3D, { rotary, visibility }: AttentionContext): tf.Tensor3D {
    const { cos, sin, partner } = rotary;
    return super.apply(x, { visibility, rotary: { cos: tf.onesLike(cos), sin: tf.zerosLike(sin), partner } });
  }
}

/** Makes queries, keys and values from the latents without an RMSNorm. The config must have a `qLoraRank`. */
export class UnnormedLatentAttention implements Attention {
  readonly #config: ModelConfig;
  readonly #qAProj: Linear;
  readonly #qBProj: Linear;
  readonly #kvAProj: Linear;
  readonly #kvBProj: Linear;
  readonly #oProj: Linear;

  constructor(store: ParameterStore, name: string, config: ModelConfig, { linear }: Products) {
    const { hiddenSize: D, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = config;
    const { qLoraRank: Q, kvLoraRank: C } = config;
    if (Q === null) throw new Error('internal: attention without latent norms needs a query latent');
    this.#config = config;
    this.#qAProj = new Linear(store, `${name}.q_a_proj`, D, Q, linear);
    this.#qBProj = new Linear(store, `${name}.q_b_proj`, Q, H * (P + R), linear);
    this.#kvAProj = new Linear(store, `${name}.kv_a_proj_with_mqa`, D, C + R, linear);
    this.#kvBProj = new Linear(store, `${name}.kv_b_proj`, C, H * (P + V), linear);
    this.#oProj = new Linear(store, `${name}.o_proj`, H * V, D, linear);
  }

  apply(x: tf.Tensor3D, { rotary, visibility }: AttentionContext): tf.Tensor3D {
    const { numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V, kvLoraRank: C } = this.#config;
    const [B, T, D] = x.shape;
    const flat: tf.Tensor2D = tf.reshape(x, [B * T, D]);
    const q = this.#qBProj.apply(this.#qAProj.apply(flat));
    const [cKv, kRope] = tf.split(this.#kvAProj.apply(flat), [C, R], 1) as [tf.Tensor2D, tf.Tensor2D];
    const heads = mlaAttention(
      applyRotary(tf.reshape(q, [B, T, H, P + R]), rotary),
      tf.reshape(this.#kvBProj.apply(cKv), [B, T, H, P + V]),
      tf.reshape(applyRotary(tf.reshape(kRope, [B, T, 1, R]), rotary), [B, T, R]),
      visibility,
      softmaxScale(this.#config),
    );
    return tf.reshape(this.#oProj.apply(tf.reshape(heads, [B * T, H * V])), [B, T, D]);
  }
}
