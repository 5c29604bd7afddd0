// Shape legend: M rows sorted by expert, E experts, I and O input and output width.

import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const groupedMatMulOp = defineOp({
  name: 'GroupedMatMul',
  inputs: { x: 'M I', weight: 'E O I' },
  /** Rows of each expert. */
  attrs: attributes<{ readonly counts: readonly number[] }>(),
  outputs: { y: 'M O' },
});

/**
 * Multiplies each run of rows by the matrix of its expert; experts without rows cost nothing.
 *
 * Shapes: x [M, I] whose first counts[0] rows are expert 0's and so on, weight [E, O, I] -> [M, O].
 */
export function groupedMatMul(x: tf.Tensor2D, weight: tf.Tensor3D, counts: Int32Array): tf.Tensor2D {
  return fusedOp(groupedMatMulOp, { x, weight }, { counts: Array.from(counts) }, ({ x, weight }) => {
    const experts = Array.from(counts.keys()).filter((e) => counts[e]! > 0);
    const rows = tf.split(
      x,
      experts.map((e) => counts[e]!),
      0,
    );
    const matrices = tf.unstack(weight, 0) as tf.Tensor2D[];
    const products = experts.map((e, i) => tf.matMul<tf.Tensor2D>(rows[i]!, matrices[e]!, false, true));
    return { y: tf.concat2d(products, 0) };
  }).y;
}
