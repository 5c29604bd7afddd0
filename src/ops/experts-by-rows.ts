// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hiddenSize, F moeIntermediateSize.

import { tf } from '../tensor/tf.ts';
import { planDispatch } from './dispatch.ts';
import type { groupedMatMul } from './grouped-matmul.ts';
import type { Routing } from './router.ts';
import { swiglu } from './swiglu.ts';

/** The product of `silu(gate) * up * gates` with the matrix of each expert: [M, F] twice, [M, 1], [E, D, F] -> [M, D]. */
type ActiveProduct = (
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
  gates: tf.Tensor2D,
  downProj: tf.Tensor3D,
  counts: Int32Array,
) => tf.Tensor2D;

/** The gate commutes with the down projection. */
const activeProduct =
  (multiply: typeof groupedMatMul): ActiveProduct =>
  (gate, up, gates, downProj, counts) =>
    multiply(tf.mul(swiglu(gate, up), gates) as tf.Tensor2D, downProj, counts);

/**
 * `routedExperts` as an op for each part, with any product of rows with the matrix of their expert. The host reads the
 * indices, so the backend must allow reading without waiting.
 *
 * Shapes: x [N, D], routing [N, K], gateUpProj [E, 2F, D], downProj [E, D, F] -> [N, D].
 */
export function expertsByRows(
  x: tf.Tensor2D,
  { topkIndices, topkWeights }: Routing,
  gateUpProj: tf.Tensor3D,
  downProj: tf.Tensor3D,
  multiply: typeof groupedMatMul,
  multiplyActive: ActiveProduct = activeProduct(multiply),
): tf.Tensor2D {
  const [N, K] = topkIndices.shape;
  const [E, D] = downProj.shape;
  const plan = planDispatch(topkIndices.dataSync<'int32'>(), K, E);
  const rows = tf.gather(x, tf.tensor1d(plan.tokens, 'int32')); // [M, D]
  const gateUp = multiply(rows, gateUpProj, plan.counts); // [M, 2F]
  const [gate, up] = tf.split(gateUp, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const gates = tf.gather(tf.reshape(topkWeights, [N * K, 1]), tf.tensor1d(plan.order, 'int32')); // [M, 1]
  const out = multiplyActive(gate, up, gates as tf.Tensor2D, downProj, plan.counts); // [M, D]
  const slots = tf.gather(out, tf.tensor1d(plan.rowOf, 'int32')); // [N*K, D], back in token order
  return tf.sum(tf.reshape(slots, [N, K, D]), 1) as tf.Tensor2D;
}
