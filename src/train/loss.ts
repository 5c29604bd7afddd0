// The training objective: main cross-entropy + lambda * mean MTP cross-entropy + alpha * balance losses.
// Shape legend: B batch, T tokens, D hiddenSize, E experts.

import type { Balancing } from '../config/train-config.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { type BalanceLossOptions, balanceLoss } from '../moe/balance-loss.ts';
import type { RoutingRecord } from '../moe/moe.ts';
import { labelsAtDepth, labelsWithinDocument } from '../mtp/alignment.ts';
import { linearCrossEntropy } from '../ops/linear-cross-entropy.ts';
import { countSelections } from '../ops/router.ts';
import { tf } from '../tensor/tf.ts';

/** Rows of T + 1 ids. */
export interface LossInput {
  readonly ids: tf.Tensor2D; // [B, T+1] int32
  /** Keeps attention and labels inside a document; null to let both cross, as the report's pre-training does. */
  readonly documentIds: tf.Tensor2D | null; // [B, T+1] int32
}

export interface LossWeights {
  /** lambda. */
  readonly mtpWeight: number;
  readonly balancing: Balancing;
  /** alpha. */
  readonly balanceLossFactor: number;
}

/** The terms of the loss, in nats per token, and what the routers did. */
export interface LossTerms {
  readonly total: tf.Scalar;
  readonly main: tf.Scalar;
  /** Per MTP depth, without lambda; depths that the rows are too short for are left out. */
  readonly mtp: readonly tf.Scalar[];
  /** Mean over MoE layers, without alpha: 1 is perfect balance. */
  readonly balance: tf.Scalar;
  /** Selections per expert of each MoE layer [E], constants. */
  readonly counts: readonly { readonly layer: number; readonly counts: tf.Tensor1D }[];
}

/**
 * Total loss and its parts.
 *
 * The MTP term is the mean over depths of masked means (B11), times lambda. The balance term is summed over layers.
 * `isCounted` says which labels of a depth count under a document mask.
 *
 * Source: arXiv:2412.19437 eq. 17-25.
 */
export function computeLoss(
  model: DeepseekV3ForCausalLM,
  input: LossInput,
  weights: LossWeights,
  isCounted: typeof labelsWithinDocument = labelsWithinDocument,
): LossTerms {
  const { hidden, mtpHidden, routing } = model.forward(inputsOf(input.ids), {
    documentIds: input.documentIds === null ? null : inputsOf(input.documentIds),
    mtp: true,
  });
  const [main, ...mtp] = [hidden, ...mtpHidden].map((h, depth) => depthLoss(h, model.lmHead, input, depth, isCounted));
  if (main === undefined) throw new Error('internal: no main loss');
  const mtpMean = mtp.length === 0 ? tf.scalar(0) : tf.div(tf.addN(mtp), mtp.length);
  const balance = meanBalanceLoss(routing, model, weights.balancing);
  const alpha = weights.balancing === 'none' ? 0 : weights.balanceLossFactor * routing.length;
  const total: tf.Scalar = tf.add(tf.add(main, tf.mul(mtpMean, weights.mtpWeight)), tf.mul(balance, alpha));
  const counts = routing.map(({ layer, topkIndices }) => {
    return { layer, counts: countSelections(topkIndices, model.config.nRoutedExperts) };
  });
  return { total, main, mtp, balance, counts };
}

/** All ids of a row but the last: [B, T+1] -> [B, T]. */
function inputsOf(ids: tf.Tensor2D): tf.Tensor2D {
  const [B, length] = ids.shape;
  return tf.slice(ids, [0, 0], [B, length - 1]);
}

/** Mean negative log-likelihood of the labels of one depth, over those that count. */
function depthLoss(
  hidden: tf.Tensor3D,
  lmHead: tf.Tensor2D,
  input: LossInput,
  depth: number,
  isCounted: typeof labelsWithinDocument,
): tf.Scalar {
  const [B, L, D] = hidden.shape;
  const labels: tf.Tensor1D = tf.reshape(labelsAtDepth(input.ids, depth), [B * L]);
  const losses = linearCrossEntropy(tf.reshape(hidden, [B * L, D]), lmHead, labels);
  if (input.documentIds === null) return tf.mean(losses);
  const counted: tf.Tensor1D = tf.reshape(isCounted(input.documentIds, depth), [B * L]);
  return tf.div(tf.sum(tf.mul(losses, counted)), tf.maximum(tf.sum(counted), 1));
}

/** Which selections and which statistics a balancing mode looks at. */
function balanceOptions(balancing: Balancing): BalanceLossOptions {
  if (balancing === 'batch-aux') return { scope: 'batch', selection: 'dispatch' };
  return { scope: 'sequence', selection: balancing === 'sequence-aux' ? 'dispatch' : 'affinity' };
}

function meanBalanceLoss(
  routing: readonly RoutingRecord[],
  model: DeepseekV3ForCausalLM,
  balancing: Balancing,
): tf.Scalar {
  if (routing.length === 0) return tf.scalar(0);
  const options = balanceOptions(balancing);
  return tf.div(tf.addN(routing.map((record) => balanceLoss(record, model.config, options))), routing.length);
}
