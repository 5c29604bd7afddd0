import { tf } from '../tensor/tf.ts';
import { hasKernel } from './fused-op.ts';
import { runListKernel } from './list-kernel.ts';

/** All elements of float32 tensors of any shapes, one tensor after the other. Not differentiable. */
export function packVector(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  if (hasKernel('PackVector')) return runListKernel('PackVector', tensors)[0] as tf.Tensor1D;
  return tf.tidy(() =>
    tf.concat1d(tensors.map((tensor) => (tensor.rank === 1 ? (tensor as tf.Tensor1D) : tensor.as1D()))),
  );
}
