// Shape legend: N tokens in S sequences (or 1 for the whole batch), E experts, K per token.

import type { ModelConfig } from '../config/model-config.ts';
import { noGrad } from '../tensor/no-grad.ts';
import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export interface LoadBalance extends Pick<ModelConfig, 'scoringFunc' | 'numExpertsPerTok'> {
  /** S, the number of sequences: statistics are made for each of them and then averaged. */
  readonly sequences: number;
  /** Which selections the fractions f count: the plain top-K of the unbiased affinities, or `topkIndices`. */
  readonly selection: 'affinity' | 'dispatch';
}

export const balanceLossOp = defineOp({
  name: 'BalanceLoss',
  inputs: { logits: 'N E', topkIndices: 'int32 N K' },
  attrs: attributes<LoadBalance>(),
  outputs: { loss: '' },
  /** The gradient of the loss with respect to the logits. */
  saved: { slope: 'N E' },
});

/**
 * Sum over experts of f_i * P_i: 1 at perfect balance, E / K when the same K experts take everything.
 *
 * f (share of selections times E) is a constant; P (mean normalised affinity) carries the gradient. The affinities are
 * normalised in the log domain, so a router cannot lower the loss by letting all of them underflow (B10).
 *
 * Shapes: logits [N, E], topkIndices [N, K] int32 -> a scalar.
 * Source: arXiv:2412.19437 eq. 17-20.
 */
export function loadBalanceLoss(logits: tf.Tensor2D, topkIndices: tf.Tensor2D, balance: LoadBalance): tf.Scalar {
  const { sequences: S, scoringFunc, numExpertsPerTok: K, selection } = balance;
  return fusedOp(balanceLossOp, { logits, topkIndices }, balance, ({ logits, topkIndices }) => {
    const [N, E] = logits.shape;
    // log(sigmoid(x)) is -softplus(-x); tf.logSigmoid would do, but its gradient does not keep its input alive.
    const logAffinity = scoringFunc === 'sigmoid' ? tf.neg(tf.softplus(tf.neg(logits))) : logits;
    const affinity = tf.softmax(logAffinity);
    const P = tf.mean(tf.reshape(affinity, [S, N / S, E]), 1); // [S, E]
    const f = noGrad(() => {
      const selected = selection === 'dispatch' ? topkIndices : tf.topk(logits, K).indices;
      const perToken = tf.sum(tf.oneHot(selected, E, 1, 0, 'float32'), 1); // [N, E]
      return tf.mul(tf.mean(tf.reshape(perToken, [S, N / S, E]), 1), E / K); // [S, E]
    });
    return { loss: tf.div(tf.sum(tf.mul(f, P)), S) as tf.Scalar };
  }).loss;
}
