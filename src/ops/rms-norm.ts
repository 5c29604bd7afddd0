// Shape legend: N rows, D channels.

import { tf } from '../tensor/tf.ts';
import { fusedOp, fusedOps } from './fused-op.ts';

/**
 * Scales each row to unit root mean square, then each channel by its weight.
 *
 * Shapes: x [..., D], weight [D] -> [..., D].
 * Source: arXiv:1910.07467; transformers `DeepseekV3RMSNorm`.
 */
export function rmsNorm<T extends tf.Tensor>(x: T, weight: tf.Tensor, eps: number): T {
  return fusedOp('RMSNorm', { x, weight }, { eps }, ({ x, weight }) => reference(x, weight, eps));
}

/**
 * The sum of `x` and `residual`, and its RMSNorm: what a sublayer adds to the residual stream, ready for the next one.
 *
 * Shapes: x and residual [..., D], weight [D] -> both [..., D].
 */
export function addRmsNorm<T extends tf.Tensor>(
  x: T,
  residual: T,
  weight: tf.Tensor,
  eps: number,
): { readonly sum: T; readonly normed: T } {
  const outputs = fusedOps('AddRMSNorm', { x, residual, weight }, { eps }, 2, ({ x, residual, weight }) => {
    const sum = tf.add(x, residual);
    return [sum, reference(sum, weight, eps)];
  });
  const [sum, normed] = outputs as [T, T];
  return { sum, normed };
}

function reference<T extends tf.Tensor>(x: T, weight: tf.Tensor, eps: number): T {
  const meanSquare = tf.mean(tf.square(x), -1, true);
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, eps))), weight);
}
