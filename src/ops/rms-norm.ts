// Shape legend: N rows, D channels.

import { tf } from '../tensor/tf.ts';
import { fusedOp } from './fused-op.ts';

/**
 * Scales each row to unit root mean square, then each channel by its weight.
 *
 * Shapes: x [..., D], weight [D] -> [..., D].
 * Source: arXiv:1910.07467; transformers `DeepseekV3RMSNorm`.
 */
export function rmsNorm<T extends tf.Tensor>(x: T, weight: tf.Tensor, eps: number): T {
  return fusedOp('RMSNorm', { x, weight }, { eps }, ({ x, weight }) => {
    const meanSquare = tf.mean(tf.square(x), -1, true);
    return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, eps))), weight) as T;
  });
}
