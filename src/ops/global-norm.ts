import { tf } from '../tensor/tf.ts';
import { hasKernel } from './kernels.ts';
import { defineListOp, runListKernel } from './list-op.ts';

export const globalNormOp = defineListOp({
  name: 'GlobalNorm',
  inputs: {},
  item: ['tensor'],
  outputs: { norm: '' },
});

/**
 * L2 norm of all tensors together. Rows are summed before totals: float32 sums of long tensors lose less that way.
 *
 * Ownership: the scalar belongs to the caller.
 */
export function globalNorm(tensors: Iterable<tf.Tensor>): tf.Scalar {
  const list = [...tensors];
  if (hasKernel(globalNormOp)) {
    const items = list.map((tensor) => ({ tensor }));
    return runListKernel(globalNormOp, {}, items, {}).norm;
  }
  return tf.tidy(() => {
    const squares = list.map((tensor) => tf.sum(tf.sum(tf.square(tensor), -1)).reshape([1]));
    return tf.sqrt(tf.sum(tf.concat(squares))).asScalar();
  });
}
