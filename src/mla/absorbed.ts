// The absorbed form of MLA: attention over the latents themselves, as a cached decoder runs it.
// Shape legend: B batch, T tokens, H heads, P qkNopeHeadDim, R qkRopeHeadDim, V vHeadDim, C kvLoraRank.

import { softmaxScale } from '../layers/rotary-embedding.ts';
import { attentionMask } from '../ops/mla-attention.ts';
import { tf } from '../tensor/tf.ts';
import type { AttentionContext, MultiHeadLatentAttention } from './attention.ts';

/**
 * Attention in which the key up-projection is folded into the queries and the value up-projection into the output:
 * multi-query attention with one key of width C+R and one value of width C. Equal to the naive form up to rounding.
 *
 * Shapes: x [B, T, D] -> [B, T, D].
 * Source: F 1.4; deepseek-ai/DeepSeek-V3 inference/model.py, MLA.forward with attn_impl "absorb".
 */
export function absorbedAttention(attention: MultiHeadLatentAttention, x: tf.Tensor3D, context: AttentionContext) {
  const { numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V, kvLoraRank: C } = attention.config;
  const [B, T, D] = x.shape;
  return tf.tidy(() => {
    const q = tf.transpose(attention.queries(x, context.rotary), [2, 0, 1, 3]); // [H, B, T, P+R]
    const { cKv, kRope } = attention.latent(x, context.rotary);
    const perHead = tf.reshape(attention.kvBProj.weight, [H, P + V, C]);
    const [keyUp, valueUp] = tf.split(perHead, [P, V], 1) as [tf.Tensor3D, tf.Tensor3D];
    const [qNope, qRope] = tf.split(q, [P, R], 3) as [tf.Tensor4D, tf.Tensor4D];
    const qLatent = tf.matMul(tf.reshape(qNope, [H, B * T, P]), keyUp); // [H, B*T, C]
    const batchFirst = (t: tf.Tensor, width: number) =>
      tf.reshape(tf.transpose(tf.reshape(t, [H, B, T, width]), [1, 0, 2, 3]), [B, H * T, width]);
    const nope = tf.matMul(batchFirst(qLatent, C), cKv, false, true); // [B, H*T, T]
    const rope = tf.matMul(batchFirst(qRope, R), kRope, false, true);
    const scores = tf.mul(tf.reshape(tf.add(nope, rope), [B, H, T, T]), softmaxScale(attention.config));
    const { mask, documentIds } = context.visibility;
    const masked = tf.add(scores, mask ?? attentionMask(T, documentIds));
    const weights = tf.reshape(tf.softmax(masked), [B, H * T, T]);
    const z = tf.transpose(tf.reshape(tf.matMul(weights, cKv), [B, H, T, C]), [1, 0, 2, 3]); // [H, B, T, C]
    const heads = tf.matMul(tf.reshape(z, [H, B * T, C]), valueUp, false, true); // [H, B*T, V]
    const out = tf.reshape(tf.transpose(heads, [1, 0, 2]), [B * T, H * V]);
    return tf.reshape(attention.oProj.apply(out as tf.Tensor2D), [B, T, D]);
  });
}
