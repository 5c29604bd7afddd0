// Shape legend: N tokens, K experts per token, E experts, D hiddenSize, F moeIntermediateSize.

import { tf } from '../tensor/tf.ts';
import type { Routing } from './router.ts';
import { swiglu } from './swiglu.ts';

/**
 * `routedExperts` as a sum over all experts, with gate 0 where a token does not go: every backend can run it, at E / K
 * times the arithmetic.
 *
 * Shapes: x [N, D], routing [N, K], gateUpProj [E, 2F, D], downProj [E, D, F] -> [N, D].
 */
export function denseExperts(
  x: tf.Tensor2D,
  routing: Routing,
  gateUpProj: tf.Tensor3D,
  downProj: tf.Tensor3D,
): tf.Tensor2D {
  const N = x.shape[0];
  const [E, D, F] = downProj.shape;
  const oneHot = tf.oneHot(routing.topkIndices, E, 1, 0, 'float32'); // [N, K, E]
  const gates = tf.sum(tf.mul(oneHot, tf.expandDims(routing.topkWeights, 2)), 1); // [N, E]
  const gateUp = tf.matMul(x, tf.reshape(gateUpProj, [E * 2 * F, D]), false, true); // [N, E*2F]
  const [gate, up] = tf.split(tf.reshape(gateUp, [N * E, 2 * F]), 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  const active = tf.mul(swiglu(gate, up), tf.reshape(gates, [N * E, 1])); // [N*E, F]
  const down = tf.reshape(tf.transpose(downProj, [0, 2, 1]), [E * F, D]);
  return tf.matMul(tf.reshape(active, [N, E * F]), down as tf.Tensor2D);
}
