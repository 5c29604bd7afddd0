// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import { e5m6Tile } from '../precision/recipe.ts';
import { customOp } from '../tensor/custom-op.ts';
import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fakeQuantize } from './fake-quantize.ts';
import { fusedOp } from './fused-op.ts';
import { type AttentionVisibility, attentionMask, mlaAttention, mlaAttentionWeights } from './mla-attention.ts';

export const cachedMlaAttentionOp = defineOp({
  name: 'CachedMlaAttention',
  inputs: { q: 'B T H P+R', kv: 'B T H P+V', kRope: 'B T R', 'documentIds?': 'int32 B T' },
  attrs: attributes<{ readonly scale: number }>(),
  outputs: { out: 'B T H*V' },
  /** As in `mlaAttentionOp`; and `out` as codes of E5M6 with their scales, in a layout of the backend's choice. */
  saved: { stats: 'B H T 2', codedOut: 'int32 L' },
});

/**
 * `mlaAttention` whose backward pass reads the output in E5M6: as the next linear layer keeps it, so that it is kept
 * once. The gradient needs of it the product of each row with its gradient, which is the mean gradient of the row's
 * probabilities.
 *
 * Shapes: q [B, T, H, P+R] (rotated), kv [B, T, H, P+V], kRope [B, T, R] (rotated) -> [B, T, H*V].
 * Source: arXiv:2412.19437 section 3.3.3; arXiv:2205.14135 section 3.1 for the gradient.
 */
export function cachedMlaAttention(
  q: tf.Tensor4D,
  kv: tf.Tensor4D,
  kRope: tf.Tensor3D,
  visibility: AttentionVisibility,
  scale: number,
): tf.Tensor3D {
  const inputs = { q, kv, kRope, documentIds: visibility.documentIds ?? undefined };
  return fusedOp(cachedMlaAttentionOp, inputs, { scale }, ({ q, kv, kRope }) => {
    return { out: reference(q, kv, kRope, visibility, scale) };
  }).out;
}

function reference(
  q: tf.Tensor4D,
  kv: tf.Tensor4D,
  kRope: tf.Tensor3D,
  visibility: AttentionVisibility,
  scale: number,
): tf.Tensor3D {
  const [B, T, H] = q.shape;
  const V = kv.shape[3] - q.shape[3] + kRope.shape[2];
  const [out] = customOp({
    inputs: { q, kv, kRope },
    forward: (save) => {
      const out = mlaAttention(q, kv, kRope, visibility, scale);
      const rounded = fakeQuantize(tf.reshape(out, [B * T, H * V]), e5m6Tile);
      save([q, kv, kRope, rounded]);
      return [out];
    },
    backward: ([dOut], [q, kv, kRope, rounded]) => {
      const mask = visibility.mask ?? attentionMask(T, visibility.documentIds);
      return gradients(q as tf.Tensor4D, kv as tf.Tensor4D, kRope as tf.Tensor3D, rounded!, dOut!, mask, scale);
    },
  });
  return out as tf.Tensor3D;
}

/** Exchanges the axes of tokens and heads. */
const exchanged = (x: tf.Tensor): tf.Tensor4D => tf.transpose(x as tf.Tensor4D, [0, 2, 1, 3]);

function gradients(
  q: tf.Tensor4D,
  kv: tf.Tensor4D,
  kRope: tf.Tensor3D,
  rounded: tf.Tensor,
  dOut: tf.Tensor,
  mask: tf.Tensor4D,
  scale: number,
) {
  const [B, T, H, width] = q.shape;
  const R = kRope.shape[2];
  const [P, V] = [width - R, kv.shape[3] - (width - R)];
  const [kNope, v] = tf.split(exchanged(kv), [P, V], 3) as [tf.Tensor4D, tf.Tensor4D];
  const heads = exchanged(q);
  const perHead = (x: tf.Tensor) => exchanged(tf.reshape(x, [B, T, H, V]));
  const [out, dHeads] = [perHead(rounded), perHead(dOut)];
  const weights = mlaAttentionWeights(heads, kNope, kRope, mask, scale); // [B, H, T, T]
  const mean = tf.sum(tf.mul(out, dHeads), 3, true); // [B, H, T, 1]
  const dScores = tf.mul(tf.mul(weights, tf.sub(tf.matMul(dHeads, v, false, true), mean)), scale) as tf.Tensor4D;
  const keys = tf.concat([kNope, tf.tile(tf.reshape(kRope, [B, 1, T, R]), [1, H, 1, 1])], 3);
  const dKeys = tf.matMul(dScores, heads, true, false); // [B, H, T, P+R]
  const [dNope, dRope] = tf.split(dKeys, [P, R], 3);
  return {
    q: exchanged(tf.matMul(dScores, keys)),
    kv: exchanged(tf.concat([dNope!, tf.matMul(weights, dHeads, true, false)], 3)),
    kRope: tf.sum(dRope!, 1),
  };
}
