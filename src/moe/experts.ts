// The experts of a layer: their weights, and a dense way to apply them.
// Shape legend: N tokens, K experts per token, E experts, D hiddenSize, F moeIntermediateSize.

import type { Routing } from '../ops/router.ts';
import { swiglu } from '../ops/swiglu.ts';
import type { ParameterStore } from '../tensor/parameters.ts';
import { tf } from '../tensor/tf.ts';

/** Stacked as transformers 5 holds them in memory. */
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
 * `routedExperts` as a sum over all experts, with gate 0 where a token does not go: every backend can run it, at E / K
 * times the arithmetic.
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
