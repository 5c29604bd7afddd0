// The absorbed form of MLA: attention over the latents themselves, as a cached decoder runs it. Shape legend: B batch,
// T tokens, L cached tokens, H heads, P qkNopeHeadDim, R qkRopeHeadDim, V vHeadDim, C kvLoraRank.

import { softmaxScale } from '../layers/rotary-embedding.ts';
import { fakeQuantize } from '../ops/fake-quantize.ts';
import { attentionMask } from '../ops/mla-attention.ts';
import { tf } from '../tensor/tf.ts';
import type { AttentionContext, Latent, MultiHeadLatentAttention } from './attention.ts';

/**
 * Attention in which the key up-projection is folded into the queries and the value up-projection into the output:
 * multi-query attention with one key of width C+R and one value of width C. Equal to the naive form up to rounding.
 *
 * Shapes: x [B, T, D] -> [B, T, D].
 * Source: F 1.4; deepseek-ai/DeepSeek-V3 inference/model.py, MLA.forward with attn_impl "absorb".
 */
export function absorbedAttention(attention: MultiHeadLatentAttention, x: tf.Tensor3D, context: AttentionContext) {
  const [B, T, D] = x.shape;
  return tf.tidy(() => {
    const { mask, documentIds } = context.visibility;
    const q = attention.queries(x, context.rotary);
    const latent = attention.latent(x, context.rotary);
    const heads = attendToLatents(attention, q, latent, mask ?? attentionMask(T, documentIds));
    return tf.reshape(attention.oProj.apply(heads), [B, T, D]);
  });
}

/**
 * What the up-projection of keys and values multiplies: in 8 bits the rounded latents and weight, so that the absorbed
 * form gives what the product of the naive form gives, up to the rounding of sums.
 */
function upProjectionOperands({ kvBProj, recipe }: MultiHeadLatentAttention, latents: tf.Tensor3D) {
  const weight = kvBProj.weight as tf.Tensor2D;
  if (recipe === undefined) return { cKv: latents, weight };
  const [B, L, C] = latents.shape;
  const rounded = fakeQuantize(tf.reshape(latents, [B * L, C]), recipe.activations);
  return { cKv: tf.reshape<tf.Rank.R3>(rounded, [B, L, C]), weight: fakeQuantize(weight, recipe.weights) };
}

/**
 * The absorbed form up to the output projection, over latents of any length.
 *
 * Shapes: q [B, T, H, P+R] (rotated), latent [B, L, C] and [B, L, R], mask (added to scores) broadcasts to [B, H, T,
 * L], or is null where every query sees all -> [B*T, H*V].
 */
export function attendToLatents(
  attention: MultiHeadLatentAttention,
  q: tf.Tensor4D,
  { cKv: latents, kRope }: Latent,
  mask: tf.Tensor4D | null,
): tf.Tensor2D {
  const { numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V, kvLoraRank: C } = attention.config;
  const [B, T] = q.shape;
  const L = latents.shape[1];
  const { cKv, weight } = upProjectionOperands(attention, latents);
  const perHead = tf.reshape(weight, [H, P + V, C]);
  const [keyUp, valueUp] = tf.split(perHead, [P, V], 1) as [tf.Tensor3D, tf.Tensor3D];
  const headsFirst = tf.transpose(q, [2, 0, 1, 3]); // [H, B, T, P+R]
  const [qNope, qRope] = tf.split(headsFirst, [P, R], 3) as [tf.Tensor4D, tf.Tensor4D];
  const qLatent = tf.matMul(tf.reshape(qNope, [H, B * T, P]), keyUp); // [H, B*T, C]
  const batchFirst = (t: tf.Tensor, width: number) =>
    tf.reshape(tf.transpose(tf.reshape(t, [H, B, T, width]), [1, 0, 2, 3]), [B, H * T, width]);
  const nope = tf.matMul(batchFirst(qLatent, C), cKv, false, true); // [B, H*T, L]
  const rope = tf.matMul(batchFirst(qRope, R), kRope, false, true);
  const scores = tf.mul(tf.reshape(tf.add(nope, rope), [B, H, T, L]), softmaxScale(attention.config));
  const weights = tf.reshape(tf.softmax(mask === null ? scores : tf.add(scores, mask)), [B, H * T, L]);
  const z = tf.transpose(tf.reshape(tf.matMul(weights, cKv), [B, H, T, C]), [1, 0, 2, 3]); // [H, B, T, C]
  const heads = tf.matMul(tf.reshape(z, [H, B * T, C]), valueUp, false, true); // [H, B*T, V]
  return tf.reshape(tf.transpose(heads, [1, 0, 2]), [B * T, H * V]);
}
