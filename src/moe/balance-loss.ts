// Auxiliary balance losses of a layer, from its routing record.

import type { ModelConfig } from '../config/model-config.ts';
import { type LoadBalance, loadBalanceLoss } from '../ops/balance-loss.ts';
import type { tf } from '../tensor/tf.ts';
import type { RoutingRecord } from './moe.ts';

export interface BalanceLossOptions {
  /** Statistics over each sequence, then averaged (eq. 17-20), or over all tokens of the batch (section 4.5.3). */
  readonly scope: 'sequence' | 'batch';
  /**
   * Which selections the fractions f count: `affinity` is eq. 18, the plain top-K of the unbiased affinities;
   * `dispatch` is what the router really did, groups and bias included. A loss that is the only means of balancing
   * needs this (B9).
   */
  readonly selection: LoadBalance['selection'];
}

/**
 * `loadBalanceLoss` of a layer, without its weight alpha.
 *
 * Returns a scalar on the tape.
 * Source: arXiv:2412.19437 eq. 17-20.
 */
export function balanceLoss(
  { logits, topkIndices, sequences }: RoutingRecord,
  { scoringFunc, numExpertsPerTok }: Pick<ModelConfig, 'scoringFunc' | 'numExpertsPerTok'>,
  { scope, selection }: BalanceLossOptions,
): tf.Scalar {
  const counted = scope === 'sequence' ? sequences : 1;
  return loadBalanceLoss(logits, topkIndices, { sequences: counted, scoringFunc, numExpertsPerTok, selection });
}
