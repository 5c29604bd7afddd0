// Gradient clipping by the global L2 norm, as torch.nn.utils.clip_grad_norm_ does it.

import { tf } from '../tensor/tf.ts';

export { globalNorm } from '../ops/global-norm.ts';

/**
 * Factor that brings gradients of this norm down to `maxNorm`, 1 when they are below it or `maxNorm` is 0.
 *
 * PyTorch adds 1e-6 to the norm; so does this. Ownership: the scalar belongs to the caller.
 */
export function clipScale(norm: tf.Scalar, maxNorm: number): tf.Scalar {
  if (maxNorm === 0) return tf.scalar(1);
  return tf.tidy(() => tf.minimum(tf.div(tf.scalar(maxNorm), tf.add(norm, 1e-6)), 1).asScalar());
}
