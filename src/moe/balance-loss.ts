// Auxiliary balance losses. Shape legend: S sequences (or 1 for the whole batch), L tokens in each, E experts, K per token.

import type { ModelConfig } from '../config/model-config.ts';
import { fusedOp } from '../ops/fused-op.ts';
import { noGrad } from '../tensor/no-grad.ts';
import { tf } from '../tensor/tf.ts';
import type { RoutingRecord } from './moe.ts';

export interface BalanceLossOptions {
  /** Statistics over each sequence, then averaged (eq. 17-20), or over all tokens of the batch (section 4.5.3). */
  readonly scope: 'sequence' | 'batch';
  /**
   * Which selections the fractions f count: `affinity` is eq. 18, the plain top-K of the unbiased affinities; `dispatch`
   * is what the router really did, groups and bias included (what a loss that balances alone has to look at, B9).
   */
  readonly selection: 'affinity' | 'dispatch';
}

/**
 * Sum over experts of f_i * P_i, without its weight alpha: 1 at perfect balance, E / K when the same K experts take
 * everything.
 *
 * f (share of selections times E) is a constant; P (mean normalised affinity) carries the gradient. The affinities are
 * normalised in the log domain, so a router cannot lower the loss by letting all of them underflow (B10).
 *
 * Returns a scalar on the tape.
 * Source: arXiv:2412.19437 eq. 17-20.
 */
export function balanceLoss(
  { logits, topkIndices, sequences }: RoutingRecord,
  config: Pick<ModelConfig, 'scoringFunc' | 'numExpertsPerTok'>,
  { scope, selection }: BalanceLossOptions,
): tf.Scalar {
  const { scoringFunc, numExpertsPerTok: K } = config;
  const S = scope === 'sequence' ? sequences : 1;
  const attrs = { sequences: S, scoringFunc, numExpertsPerTok: K, selection };
  return fusedOp('BalanceLoss', { logits, topkIndices }, attrs, ({ logits, topkIndices }) => {
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
    return tf.div(tf.sum(tf.mul(f, P)), S) as tf.Scalar;
  });
}
