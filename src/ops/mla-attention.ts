// Shape legend: B batch, T tokens, H heads, P channels without position, R rotary channels, V value channels.

import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';
import { hasKernel } from './kernels.ts';

/** Large enough that its softmax is exactly 0 in float32, and finite, which WGSL needs. */
export const maskedScore = -1e30;

export const mlaAttentionOp = defineOp({
  name: 'MlaAttention',
  inputs: { q: 'B T H P+R', kv: 'B T H P+V', kRope: 'B T R', 'documentIds?': 'int32 B T' },
  attrs: attributes<{ readonly scale: number }>(),
  outputs: { out: 'B T H*V' },
  savedOutputs: ['out'],
  /** For each query, the largest score, and 1 / the sum of exp(score - largest). */
  saved: { stats: 'B H T 2' },
});

/**
 * Where queries may look: at themselves and before, and within their document. The same for all layers of a forward
 * pass.
 */
export interface AttentionVisibility {
  /** Document of each token [B, T] int32; null where a row is one document. */
  readonly documentIds: tf.Tensor2D | null;
  /**
   * The same visibility as a mask of `attentionMask`; null where the active backend has a kernel, which needs no mask.
   */
  readonly mask: tf.Tensor4D | null;
}

/** Made once for all layers; the mask belongs to the caller. */
export function attentionVisibility(T: number, documentIds: tf.Tensor2D | null): AttentionVisibility {
  return { documentIds, mask: hasKernel(mlaAttentionOp) ? null : attentionMask(T, documentIds) };
}

/**
 * Causal attention in the naive (training) form of MLA: per-head keys and values, one rotary key for all heads.
 *
 * Shapes: q [B, T, H, P+R] (rotated), kv [B, T, H, P+V], kRope [B, T, R] (rotated) -> [B, T, H*V].
 * Source: arXiv:2412.19437 eq. 4, 9, 10.
 */
export function mlaAttention(
  q: tf.Tensor4D,
  kv: tf.Tensor4D,
  kRope: tf.Tensor3D,
  { documentIds, mask }: AttentionVisibility,
  scale: number,
): tf.Tensor3D {
  const inputs = { q, kv, kRope, documentIds: documentIds ?? undefined };
  return fusedOp(mlaAttentionOp, inputs, { scale }, ({ q, kv, kRope }) => {
    const [B, T, H, qWidth] = q.shape;
    const P = qWidth - kRope.shape[2];
    const V = kv.shape[3] - P;
    const [kNope, v] = tf.split(headsFirst(kv), [P, V], 3) as [tf.Tensor4D, tf.Tensor4D];
    const weights = mlaAttentionWeights(headsFirst(q), kNope, kRope, mask ?? attentionMask(T, documentIds), scale);
    const out = tf.matMul(weights, v) as tf.Tensor4D; // [B, H, T, V]
    return { out: tf.reshape<tf.Rank.R3>(headsFirst(out), [B, T, H * V]) };
  }).out;
}

/** Exchanges the axes of tokens and heads. */
const headsFirst = (x: tf.Tensor4D): tf.Tensor4D => tf.transpose(x, [0, 2, 1, 3]);

/**
 * How much each query looks at each token: the softmax of eq. 10, which sums to 1 over the tokens of a query.
 *
 * Shapes: q [B, H, T, P+R] (rotated), kNope [B, H, T, P], kRope [B, T, R] (rotated), mask of `attentionMask` ->
 * [B, H, T, T], queries before keys.
 */
export function mlaAttentionWeights(
  q: tf.Tensor4D,
  kNope: tf.Tensor4D,
  kRope: tf.Tensor3D,
  mask: tf.Tensor4D,
  scale: number,
): tf.Tensor4D {
  const [B, H, T] = q.shape;
  const [P, R] = [kNope.shape[3], kRope.shape[2]];
  const [qNope, qRope] = tf.split(q, [P, R], 3) as [tf.Tensor4D, tf.Tensor4D];
  const nope = tf.matMul(qNope, kNope, false, true); // [B, H, T, T]
  const rope = tf.matMul(tf.reshape(qRope, [B, H * T, R]), kRope, false, true); // [B, H*T, T]
  const scaled = tf.mul(tf.add(nope, tf.reshape(rope, [B, H, T, T])), scale);
  return tf.softmax(tf.add(scaled, mask)) as tf.Tensor4D;
}

/**
 * What is added to scores so that queries look only at themselves and before, and within their document when
 * `documentIds` are given.
 *
 * Shapes: documentIds [B, T] int32 or null -> [1 or B, 1, T, T], 0 or `maskedScore`.
 */
export function attentionMask(T: number, documentIds: tf.Tensor2D | null): tf.Tensor4D {
  return tf.tidy(() => {
    const future = Float32Array.from({ length: T * T }, (_, i) => (i % T > Math.floor(i / T) ? maskedScore : 0));
    const causal = tf.tensor4d(future, [1, 1, T, T]);
    if (documentIds === null) return causal;
    const B = documentIds.shape[0];
    const other = tf.notEqual(tf.reshape(documentIds, [B, 1, T, 1]), tf.reshape(documentIds, [B, 1, 1, T]));
    return tf.minimum(causal, tf.mul(tf.cast(other, 'float32'), maskedScore)) as tf.Tensor4D;
  });
}
