// What happens at the experts: one SwiGLU each, weights stacked as transformers 5 holds them in memory.
// Shape legend: N tokens, K experts per token, M = N*K rows, E experts, D hiddenSize, F moeIntermediateSize.

import { groupedMatMul } from '../ops/grouped-matmul.ts';
import type { Routing } from '../ops/router.ts';
import { swiglu } from '../ops/swiglu.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { tf } from '../tensor/tf.ts';
import { planDispatch } from './dispatch.ts';

export interface ExpertWeights {
  /** [E, 2F, D]: for each expert, F rows of `gate_proj` and then F rows of `up_proj`. */
  readonly gateUpProj: tf.Variable<tf.Rank.R3>;
  /** [E, D, F]. */
  readonly downProj: tf.Variable<tf.Rank.R3>;
}

/** Creates the weights of the routed experts of one layer. */
export function createExperts(store: ParameterStore, name: string, E: number, F: number, D: number): ExpertWeights {
  return {
    gateUpProj: store.weight(`${name}.gate_up_proj`, [E, 2 * F, D]),
    downProj: store.weight(`${name}.down_proj`, [E, D, F]),
  };
}

/**
 * Sends each token to its K experts and sums what they return, weighted by the gates.
 *
 * Sparse: only the selected (token, expert) pairs are computed. The indices are read by the host, so the backend must
 * allow reading without waiting.
 *
 * Shapes: x [N, D], routing [N, K] -> [N, D].
 * Source: arXiv:2412.19437 eq. 12.
 */
export function applyExpertsSparse(x: tf.Tensor2D, routing: Routing, weights: ExpertWeights): tf.Tensor2D {
  const [N, K] = routing.topkIndices.shape;
  const [E, D] = weights.downProj.shape;
  const plan = planDispatch(routing.topkIndices.dataSync<'int32'>(), K, E);
  const rows = tf.gather(x, tf.tensor1d(plan.tokens, 'int32')); // [M, D]
  const gateUp = groupedMatMul(rows, weights.gateUpProj, plan.counts); // [M, 2F]
  const [gate, up] = tf.split(gateUp, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const gates = tf.gather(tf.reshape(routing.topkWeights, [N * K, 1]), tf.tensor1d(plan.order, 'int32')); // [M, 1]
  const active = tf.mul(swiglu(gate, up), gates) as tf.Tensor2D; // the gate commutes with the down projection
  const out = groupedMatMul(active, weights.downProj, plan.counts); // [M, D]
  const slots = tf.gather(out, tf.tensor1d(plan.rowOf, 'int32')); // [N*K, D], back in token order
  return tf.sum(tf.reshape(slots, [N, K, D]), 1);
}

/**
 * The same sum over all experts, with gate 0 where a token does not go: every backend can run it, at E / K times the
 * arithmetic.
 *
 * Shapes: x [N, D], routing [N, K] -> [N, D].
 */
export function applyExpertsDense(x: tf.Tensor2D, routing: Routing, weights: ExpertWeights): tf.Tensor2D {
  const N = x.shape[0];
  const [E, D, F] = weights.downProj.shape;
  const oneHot = tf.oneHot(routing.topkIndices, E, 1, 0, 'float32'); // [N, K, E]
  const gates = tf.sum(tf.mul(oneHot, tf.expandDims(routing.topkWeights, 2)), 1); // [N, E]
  const gateUp = tf.matMul(x, tf.reshape(weights.gateUpProj, [E * 2 * F, D]), false, true); // [N, E*2F]
  const [gate, up] = tf.split(tf.reshape(gateUp, [N * E, 2 * F]), 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const active = tf.mul(swiglu(gate, up), tf.reshape(gates, [N * E, 1])); // [N*E, F]
  const down = tf.reshape(tf.transpose(weights.downProj, [0, 2, 1]), [E * F, D]);
  return tf.matMul(tf.reshape(active, [N, E * F]), down as tf.Tensor2D);
}
