// Gradient clipping by the global L2 norm, as torch.nn.utils.clip_grad_norm_ does it.

import { tf } from '../tensor/tf.ts';

/**
 * L2 norm of all gradients together. Rows are summed before totals: float32 sums of long tensors lose less that way.
 *
 * Ownership: the scalar belongs to the caller.
 */
export function globalNorm(gradients: Iterable<tf.Tensor>): tf.Scalar {
  return tf.tidy(() => {
    const squares = Array.from(gradients, (gradient) => tf.sum(tf.sum(tf.square(gradient), -1)).reshape([1]));
    return tf.sqrt(tf.sum(tf.concat(squares))).asScalar();
  });
}

/**
 * Factor that brings gradients of this norm down to `maxNorm`, 1 when they are below it or `maxNorm` is 0.
 *
 * PyTorch adds 1e-6 to the norm; so does this. Ownership: the scalar belongs to the caller.
 */
export function clipScale(norm: tf.Scalar, maxNorm: number): tf.Scalar {
  if (maxNorm === 0) return tf.scalar(1);
  return tf.tidy(() => tf.minimum(tf.div(tf.scalar(maxNorm), tf.add(norm, 1e-6)), 1).asScalar());
}
