// Who goes where: the routing decision of DeepSeekMoE.
// Shape legend: N tokens, E routed experts, G groups, M groups a token may visit, K experts per token.

import type { ModelConfig } from '../config/model-config.ts';
import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export type RouterConfig = Pick<
  ModelConfig,
  | 'nRoutedExperts'
  | 'numExpertsPerTok'
  | 'nGroup'
  | 'topkGroup'
  | 'normTopkProb'
  | 'routedScalingFactor'
  | 'scoringFunc'
  | 'expertBiasForm'
>;

type SelectAttributes = Pick<
  RouterConfig,
  'numExpertsPerTok' | 'nGroup' | 'topkGroup' | 'scoringFunc' | 'expertBiasForm'
>;

export const selectExpertsOp = defineOp({
  name: 'SelectExperts',
  inputs: { logits: 'N E', bias: 'E' },
  constants: ['logits', 'bias'],
  attrs: attributes<SelectAttributes>(),
  /** K is `numExpertsPerTok`. */
  outputs: { topkIndices: 'int32 N K' },
});

export const gateWeightsOp = defineOp({
  name: 'GateWeights',
  inputs: { logits: 'N E', topkIndices: 'int32 N K' },
  attrs: attributes<Pick<RouterConfig, 'scoringFunc' | 'normTopkProb' | 'routedScalingFactor'>>(),
  outputs: { topkWeights: 'N K' },
  /** The unbiased scores of the selected experts. */
  saved: { scores: 'N K' },
});

export const countSelectionsOp = defineOp({
  name: 'CountSelections',
  inputs: { topkIndices: 'int32 N K' },
  attrs: attributes<{ readonly nRoutedExperts: number }>(),
  outputs: { counts: 'E' },
});

export interface Routing {
  /** Experts of each token, best first [N, K] int32. */
  readonly topkIndices: tf.Tensor2D;
  /** Their gates [N, K], which carry the gradient. */
  readonly topkWeights: tf.Tensor2D;
}

/** Keeps 0/0 from arising when every selected sigmoid underflows (B4); the value transformers and Megatron use. */
const normaliserEps = 1e-20;

/**
 * Picks K experts per token, limited to the best M groups, and weighs them.
 *
 * The bias steers selection only; gates are read from the unbiased scores, normalised over the selected experts and
 * scaled. A group's score is the sum of its two best biased scores; experts of other groups are out of reach
 * (-Infinity, not 0: with 0 a negative biased score loses to an expert that is not allowed).
 *
 * Shapes: logits [N, E] float32, bias [E].
 * Gradient: through topkWeights; indices and bias are constants.
 * Source: arXiv:2412.19437 eq. 13-16; deepseek-ai/DeepSeek-V3 inference/model.py, Gate.
 */
export function routeTokens(logits: tf.Tensor2D, bias: tf.Tensor1D, config: RouterConfig): Routing {
  const topkIndices = selectExperts(logits, bias, config);
  return { topkIndices, topkWeights: gateWeights(logits, topkIndices, config) };
}

/** Scores of all experts, without the bias. Shapes: logits [N, E] -> the same. */
export const affinities = (logits: tf.Tensor2D, { scoringFunc }: Pick<RouterConfig, 'scoringFunc'>): tf.Tensor2D =>
  scoringFunc === 'sigmoid' ? tf.sigmoid(logits) : tf.softmax(logits);

/**
 * The selection itself, best first. Ties go to the expert with the smaller index.
 *
 * Shapes: logits [N, E], bias [E] -> [N, K] int32, off the tape.
 */
function selectExperts(logits: tf.Tensor2D, bias: tf.Tensor1D, config: RouterConfig): tf.Tensor2D {
  const { numExpertsPerTok, nGroup, topkGroup, scoringFunc, expertBiasForm } = config;
  const attrs = { numExpertsPerTok, nGroup, topkGroup, scoringFunc, expertBiasForm };
  return fusedOp(selectExpertsOp, { logits, bias }, attrs, ({ logits, bias }) => {
    const biased = biasedScores(logits, bias, config);
    const reachable = nGroup > 1 ? limitToGroups(biased, config) : biased;
    return { topkIndices: tf.topk(reachable, numExpertsPerTok).indices };
  }).topkIndices;
}

/** Scores of all experts with the bias, by which they are selected. Shapes: logits [N, E], bias [E] -> [N, E]. */
export function biasedScores(
  logits: tf.Tensor2D,
  bias: tf.Tensor1D,
  config: Pick<RouterConfig, 'scoringFunc' | 'expertBiasForm'>,
): tf.Tensor2D {
  const scores = affinities(logits, config);
  return config.expertBiasForm === 'additive' ? tf.add(scores, bias) : tf.mul(scores, bias);
}

/**
 * Unbiased scores of the selected experts, normalised if the model does so, and scaled. Shapes: as in `routeTokens`.
 */
export function gateWeights(logits: tf.Tensor2D, topkIndices: tf.Tensor2D, config: RouterConfig): tf.Tensor2D {
  const { scoringFunc, normTopkProb, routedScalingFactor } = config;
  const attrs = { scoringFunc, normTopkProb, routedScalingFactor };
  return fusedOp(gateWeightsOp, { logits, topkIndices }, attrs, ({ logits, topkIndices }) => {
    const [N, E] = logits.shape;
    const K = topkIndices.shape[1];
    const scores = affinities(logits, config);
    const flat = tf.add(topkIndices, tf.mul(tf.range(0, N, 1, 'int32').reshape([N, 1]), tf.scalar(E, 'int32')));
    const gates: tf.Tensor2D = tf.reshape(tf.gather(tf.reshape(scores, [N * E]), tf.reshape(flat, [N * K])), [N, K]);
    const sum = tf.add(tf.sum(gates, 1, true), normaliserEps);
    return { topkWeights: tf.mul(normTopkProb ? tf.div(gates, sum) : gates, routedScalingFactor) as tf.Tensor2D };
  }).topkWeights;
}

/**
 * How many tokens selected each expert; the counts of all experts sum to the number of selections.
 *
 * Shapes: topkIndices [N, K] int32 -> [E] float32, off the tape.
 */
export function countSelections(topkIndices: tf.Tensor2D, nRoutedExperts: number): tf.Tensor1D {
  return fusedOp(countSelectionsOp, { topkIndices }, { nRoutedExperts }, ({ topkIndices }) => ({
    counts: tf.sum<tf.Tensor1D>(tf.oneHot(topkIndices.flatten(), nRoutedExperts, 1, 0, 'float32'), 0),
  })).counts;
}

type GroupConfig = Pick<RouterConfig, 'nGroup' | 'topkGroup' | 'nRoutedExperts'>;

/**
 * The best M groups of each token: 1 where it may visit a group, and 0 elsewhere. Needs more than one group.
 *
 * Shapes: biased scores [N, E] -> [N, G] float32.
 */
export function allowedGroups(
  biased: tf.Tensor2D,
  { nGroup: G, topkGroup: M, nRoutedExperts: E }: GroupConfig,
): tf.Tensor2D {
  const N = biased.shape[0];
  const bestTwo = tf.topk(tf.reshape(biased, [N * G, E / G]), 2).values;
  const groupScores = tf.reshape<tf.Rank.R2>(tf.sum(bestTwo, 1), [N, G]);
  return tf.sum(tf.oneHot(tf.topk(groupScores, M).indices, G, 1, 0, 'float32'), 1);
}

/** Sets the scores of experts outside a token's best M groups to -Infinity. */
function limitToGroups(biased: tf.Tensor2D, config: GroupConfig) {
  const { nGroup: G, nRoutedExperts: E } = config;
  const N = biased.shape[0];
  const kept = allowedGroups(biased, config);
  const keptExperts = tf.reshape(tf.tile(tf.reshape(kept, [N, G, 1]), [1, 1, E / G]), [N, E]);
  return tf.where(tf.greater(keptExperts, 0), biased, tf.fill([N, E], Number.NEGATIVE_INFINITY)) as tf.Tensor2D;
}
