// What latent attention is compared with: attention whose keys and values have heads of their own, shared by groups of
// query heads. With as many key heads as query heads it is multi-head attention, with one it is multi-query attention.
// Shape legend: B batch, T tokens, D hiddenSize, H query heads, G key heads, W channels of a head.

import type { ModelConfig } from '../../config/model-config.ts';
import { Linear } from '../../layers/linear.ts';
import type { Attention, AttentionContext } from '../../mla/attention.ts';
import { mlaAttention } from '../../ops/mla-attention.ts';
import type { Products } from '../../ops/products.ts';
import { applyRotary } from '../../ops/rotary.ts';
import type { ParameterStore } from '../../tensor/parameters.ts';
import { tf } from '../../tensor/tf.ts';
import type { HeadShape } from './attention.ts';

/** Source: arXiv:2305.13245 (GQA); rotation of a part of the channels as in arXiv:2204.06745. */
export class GroupedQueryAttention implements Attention {
  readonly #shape: HeadShape;
  readonly #qProj: Linear;
  readonly #kProj: Linear;
  readonly #vProj: Linear;
  readonly #oProj: Linear;

  constructor(
    store: ParameterStore,
    name: string,
    { hiddenSize: D }: ModelConfig,
    { linear }: Products,
    shape: HeadShape,
  ) {
    const { heads, keyHeads, headDim } = shape;
    this.#shape = shape;
    this.#qProj = new Linear(store, `${name}.q_proj`, D, heads * headDim, linear);
    this.#kProj = new Linear(store, `${name}.k_proj`, D, keyHeads * headDim, linear);
    this.#vProj = new Linear(store, `${name}.v_proj`, D, keyHeads * headDim, linear);
    this.#oProj = new Linear(store, `${name}.o_proj`, heads * headDim, D, linear);
  }

  apply(x: tf.Tensor3D, { rotary, visibility }: AttentionContext): tf.Tensor3D {
    const { heads: H, keyHeads: G, headDim: W } = this.#shape;
    const [B, T, D] = x.shape;
    const flat: tf.Tensor2D = tf.reshape(x, [B * T, D]);
    const split = (projected: tf.Tensor2D, count: number): tf.Tensor4D => tf.reshape(projected, [B, T, count, W]);
    const q = applyRotary(split(this.#qProj.apply(flat), H), rotary);
    const k = applyRotary(split(this.#kProj.apply(flat), G), rotary);
    const kv = repeatHeads(tf.concat([k, split(this.#vProj.apply(flat), G)], 3), H / G); // [B, T, H, 2W]
    const noSharedKey: tf.Tensor3D = tf.zeros([B, T, 0]);
    const out = mlaAttention(q, kv, noSharedKey, visibility, W ** -0.5); // [B, T, H*W]
    return tf.reshape(this.#oProj.apply(tf.reshape(out, [B * T, H * W])), [B, T, D]);
  }
}

/** Each head `times` times in a row: [B, T, G, C] -> [B, T, G * times, C]. */
function repeatHeads(x: tf.Tensor4D, times: number): tf.Tensor4D {
  const [B, T, G, C] = x.shape;
  if (times === 1) return x;
  return tf.reshape(tf.tile(tf.reshape(x, [B * T, G, 1, C]), [1, 1, times, 1]), [B, T, G * times, C]);
}
