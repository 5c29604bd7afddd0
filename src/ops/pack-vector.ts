import { tf } from '../tensor/tf.ts';
import { hasKernel } from './kernels.ts';
import { defineListOp, runListKernel } from './list-op.ts';

export const packVectorOp = defineListOp({
  name: 'PackVector',
  inputs: {},
  item: ['tensor'],
  outputs: { vector: 'L' },
});

/** All elements of float32 tensors of any shapes, one tensor after the other. Not differentiable. */
export function packVector(tensors: readonly tf.Tensor[]): tf.Tensor1D {
  if (hasKernel(packVectorOp)) {
    const items = tensors.map((tensor) => ({ tensor }));
    return runListKernel(packVectorOp, {}, items, {}).vector;
  }
  return tf.tidy(() =>
    tf.concat1d(tensors.map((tensor) => (tensor.rank === 1 ? (tensor as tf.Tensor1D) : tensor.as1D()))),
  );
}
