// What happens at the experts a token is sent to: one SwiGLU each.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hiddenSize, F moeIntermediateSize.

import { tf } from '../tensor/tf.ts';
import { planDispatch } from './dispatch.ts';
import { defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';
import { groupedMatMul } from './grouped-matmul.ts';
import type { Routing } from './router.ts';
import { swiglu } from './swiglu.ts';

export const routedExpertsOp = defineOp({
  name: 'RoutedExperts',
  inputs: { x: 'N D', topkIndices: 'int32 N K', topkWeights: 'N K', gateUpProj: 'E 2*F D', downProj: 'E D F' },
  outputs: { y: 'N D' },
  /**
   * Where rows come from and which expert has which, laid out as the backend likes; gate and up products of each row, and
   * what the activation made of them, times the router's gate.
   */
  saved: { plan: 'int32 L', gateUp: 'N*K 2*F', active: 'N*K F' },
});

/**
 * Sends each token to its K experts and sums what they return, weighted by the gates.
 *
 * Sparse: only the selected (token, expert) pairs are computed. Without a kernel the indices are read by the host, so the
 * backend must allow reading without waiting.
 *
 * Shapes: x [N, D], routing [N, K], gateUpProj [E, 2F, D] (for each expert, F rows of `gate_proj` and then F rows of
 * `up_proj`), downProj [E, D, F] -> [N, D].
 * Gradient: to x, the gates and the weights; zero for an expert without tokens.
 * Source: arXiv:2412.19437 eq. 12.
 */
export function routedExperts(
  x: tf.Tensor2D,
  { topkIndices, topkWeights }: Routing,
  gateUpProj: tf.Tensor3D,
  downProj: tf.Tensor3D,
): tf.Tensor2D {
  const inputs = { x, topkIndices, topkWeights, gateUpProj, downProj };
  return fusedOp(routedExpertsOp, inputs, {}, ({ x, topkIndices, topkWeights, gateUpProj, downProj }) => ({
    y: expertsByRows(x, { topkIndices, topkWeights }, gateUpProj, downProj, groupedMatMul),
  })).y;
}

/** The same as ops for each part, with any product of rows with the matrix of their expert. */
export function expertsByRows(
  x: tf.Tensor2D,
  { topkIndices, topkWeights }: Routing,
  gateUpProj: tf.Tensor3D,
  downProj: tf.Tensor3D,
  multiply: typeof groupedMatMul,
): tf.Tensor2D {
  const [N, K] = topkIndices.shape;
  const [E, D] = downProj.shape;
  const plan = planDispatch(topkIndices.dataSync<'int32'>(), K, E);
  const rows = tf.gather(x, tf.tensor1d(plan.tokens, 'int32')); // [M, D]
  const gateUp = multiply(rows, gateUpProj, plan.counts); // [M, 2F]
  const [gate, up] = tf.split(gateUp, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const gates = tf.gather(tf.reshape(topkWeights, [N * K, 1]), tf.tensor1d(plan.order, 'int32')); // [M, 1]
  const active = tf.mul(swiglu(gate, up), gates) as tf.Tensor2D; // the gate commutes with the down projection
  const out = multiply(active, downProj, plan.counts); // [M, D]
  const slots = tf.gather(out, tf.tensor1d(plan.rowOf, 'int32')); // [N*K, D], back in token order
  return tf.sum(tf.reshape(slots, [N, K, D]), 1) as tf.Tensor2D;
}
