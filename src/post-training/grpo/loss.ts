// The objective of GRPO (arXiv:2412.19437 eq. 26 and 27; DeepSeekMath, arXiv:2402.03300 eq. 3 and 4) as a loss.
// Shape legend: B answers, T positions of a row.

import { tf } from '../../tensor/tf.ts';

/** Whether a ratio and a divergence belong to a token (DeepSeekMath) or to a whole answer (the report's equations). */
export type RatioLevel = 'token' | 'sequence';

export interface GrpoLossOptions {
  readonly level: RatioLevel;
  /** epsilon: a ratio counts between 1 - clip and 1 + clip. */
  readonly clip: number;
  /** The weight of the divergence from the reference; 0 leaves it out. */
  readonly beta: number;
}

/** Values of the labels of B rows. Where no token of the answer is, `weights` is 0 and the rest is ignored. */
export interface GrpoLossInput {
  /** Log probabilities under the policy that is trained, on the tape. */
  readonly logps: tf.Tensor2D; // [B, T]
  /** Log probabilities under the policy that the answers were sampled from, constants. */
  readonly sampled: tf.Tensor2D; // [B, T]
  /** Log probabilities under the reference, constants; null where beta is 0. */
  readonly reference: tf.Tensor2D | null; // [B, T]
  /** One for an answer, or one for each of its tokens. */
  readonly advantages: tf.Tensor1D | tf.Tensor2D; // [B] or [B, T]
  /** What share of the mean each token is: see `tokenWeights`. */
  readonly weights: tf.Tensor2D; // [B, T]
}

/** Larger logarithms of a ratio are cut off: the product over an answer would leave float32 otherwise. */
const largestLogRatio = 20;

/**
 * -J: minus the weighted mean of min(rho A, clip(rho) A) - beta k3, where rho = exp(logps - sampled) and
 * k3 = exp(d) - d - 1 with d = reference - logps.
 *
 * k3 is an estimate of KL(policy || reference) from samples of the policy that is never negative. It is part of the
 * loss, not of the reward, and its gradient goes through the policy alone. At level `sequence`, rho and d are those of
 * the whole answer, the sums of their logarithms over its tokens, and an answer weighs as much as its tokens together.
 *
 * Gradient: to logps alone; everything else is a constant.
 */
export function grpoLoss(input: GrpoLossInput, { level, clip, beta }: GrpoLossOptions): tf.Scalar {
  const { logps, sampled, reference, advantages, weights } = input;
  const isAnswer = tf.cast(tf.greater(weights, 0), 'float32');
  const difference = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor => {
    const ofTokens = tf.mul(tf.sub(a, b), isAnswer);
    const logRatio = level === 'token' ? ofTokens : tf.sum(ofTokens, 1, true);
    return tf.clipByValue(logRatio, -largestLogRatio, largestLogRatio);
  };
  const shares = level === 'token' ? weights : tf.sum(weights, 1, true);
  const ratio = tf.exp(difference(logps, sampled)); // [B, T] or [B, 1]
  const A = advantages.rank === 1 ? tf.expandDims(advantages, 1) : advantages;
  const surrogate = tf.minimum(tf.mul(ratio, A), tf.mul(tf.clipByValue(ratio, 1 - clip, 1 + clip), A));
  if (beta === 0 || reference === null) return tf.neg(tf.sum(tf.mul(shares, surrogate)));
  const d = difference(reference, logps);
  const k3 = tf.sub(tf.sub(tf.exp(d), d), 1);
  return tf.neg(tf.sum(tf.mul(shares, tf.sub(surrogate, tf.mul(k3, beta)))));
}

/**
 * What the loss is a mean of: `answer`, over the tokens of an answer and then over answers; `token`, over all tokens.
 */
export type MeanOver = 'answer' | 'token';

/**
 * The share that each token of an answer has of the mean, from the lengths of all answers.
 *
 * Example: answers of 2 and 8 tokens: a token of the first has 1/4 and of the second 1/16 for `answer` (the report,
 * DeepSeekMath), and each has 1/10 for `token` (DAPO), so that a long answer counts for more.
 */
export function tokenWeights(lengths: readonly number[], meanOver: MeanOver): number[] {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  return lengths.map((length) => (meanOver === 'answer' ? 1 / (length * lengths.length) : 1 / total));
}
