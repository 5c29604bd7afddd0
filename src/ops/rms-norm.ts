// Shape legend: N rows, D channels.

import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const rmsNormOp = defineOp({
  name: 'RMSNorm',
  inputs: { x: 'N... D', weight: 'D' },
  attrs: attributes<{ readonly eps: number }>(),
  outputs: { y: 'N... D' },
  /** 1 / root mean square of each row. */
  saved: { rstd: 'N' },
});

export const addRmsNormOp = defineOp({
  name: 'AddRMSNorm',
  inputs: { x: 'N... D', residual: 'N... D', weight: 'D' },
  attrs: attributes<{ readonly eps: number }>(),
  outputs: { sum: 'N... D', normed: 'N... D' },
  unread: { x: 'sum', residual: 'sum' },
  savedOutputs: ['sum'],
  /** 1 / root mean square of each row of the sum. */
  saved: { rstd: 'N' },
});

/**
 * Scales each row to unit root mean square, then each channel by its weight.
 *
 * Shapes: x [..., D], weight [D] -> [..., D].
 * Source: arXiv:1910.07467; transformers `DeepseekV3RMSNorm`.
 */
export function rmsNorm<T extends tf.Tensor>(x: T, weight: tf.Tensor1D, eps: number): T {
  return fusedOp(rmsNormOp, { x, weight }, { eps }, ({ x, weight }) => ({ y: reference(x, weight, eps) })).y as T;
}

/**
 * The sum of `x` and `residual`, and its RMSNorm: what a sublayer adds to the residual stream, ready for the next one.
 *
 * Shapes: x and residual [..., D], weight [D] -> both [..., D].
 */
export function addRmsNorm<T extends tf.Tensor>(
  x: T,
  residual: T,
  weight: tf.Tensor1D,
  eps: number,
): { readonly sum: T; readonly normed: T } {
  const outputs = fusedOp(
    addRmsNormOp,
    { x, residual, weight },
    { eps },
    ({ x, residual, weight }) => {
      const sum = tf.add(x, residual);
      return { sum, normed: reference(sum, weight, eps) };
    },
    { normed: ({ sum, weight }) => rmsNorm(sum!, weight as tf.Tensor1D, eps) },
  );
  return outputs as { sum: T; normed: T };
}

function reference(x: tf.Tensor, weight: tf.Tensor1D, eps: number): tf.Tensor {
  const meanSquare = tf.mean(tf.square(x), -1, true);
  return tf.mul(tf.mul(x, tf.rsqrt(tf.add(meanSquare, eps))), weight);
}
