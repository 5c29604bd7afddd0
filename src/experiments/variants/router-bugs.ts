// Routers with a bug that shipped somewhere. They cause no error in training.
// Shape legend: N tokens, E experts, G groups, M groups a token may visit, K experts per token.

import { gateWeights, type RouterConfig, type Routing, routeTokens } from '../../ops/router.ts';
import { noGrad } from '../../tensor/no-grad.ts';
import { tf } from '../../tensor/tf.ts';

/**
 * B2: the gates are read from score + bias, so that the bias, meant to steer selection only, scales what experts say.
 */
export function routeByBiasedGates(logits: tf.Tensor2D, bias: tf.Tensor1D, config: RouterConfig): Routing {
  const { topkIndices } = routeTokens(logits, bias, config);
  const biased = tf.expandDims(tf.add(tf.sigmoid(logits), bias), 1); // [N, 1, E]
  const oneHot = tf.oneHot(topkIndices, config.nRoutedExperts, 1, 0, 'float32'); // [N, K, E]
  const gates = tf.sum(tf.mul(oneHot, biased), 2);
  const sum = tf.add(tf.sum(gates, 1, true), 1e-20);
  return { topkIndices, topkWeights: tf.mul(tf.div(gates, sum), config.routedScalingFactor) as tf.Tensor2D };
}

/** B1: experts of excluded groups score 0 instead of -Infinity, so they win against a negative score + bias. */
export function routeWithZeroMask(logits: tf.Tensor2D, bias: tf.Tensor1D, config: RouterConfig): Routing {
  const { nRoutedExperts: E, nGroup: G, topkGroup: M, numExpertsPerTok: K } = config;
  const N = logits.shape[0];
  const topkIndices = noGrad(() => {
    const biased = tf.add(tf.sigmoid(logits), bias);
    const bestTwo = tf.topk(tf.reshape(biased, [N * G, E / G]), 2).values;
    const groupScores = tf.reshape(tf.sum(bestTwo, 1), [N, G]);
    const kept = tf.sum(tf.oneHot(tf.topk(groupScores, M).indices, G, 1, 0, 'float32'), 1); // [N, G]
    const mask = tf.reshape(tf.tile(tf.reshape(kept, [N, G, 1]), [1, 1, E / G]), [N, E]);
    return tf.topk(tf.mul(biased, mask), K).indices as tf.Tensor2D;
  });
  return { topkIndices, topkWeights: gateWeights(logits, topkIndices, config) };
}
