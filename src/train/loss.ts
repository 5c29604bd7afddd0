// The training objective: main cross-entropy + lambda * mean MTP cross-entropy + alpha * balance losses.
// Shape legend: B batch, T tokens, D hiddenSize, E experts.

import type { ModelConfig } from '../config/model-config.ts';
import type { Balancing } from '../config/train-config.ts';
import type { DeepseekV3ForCausalLM, ForwardOutput } from '../model/causal-lm.ts';
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
  /**
   * The weight of each token as a label, at every depth: 0 masks it, and 2 counts as two tokens do. Weights are not
   * negative, and only their ratios matter. Absent or null: all tokens count alike, with the same bits as equal
   * weights.
   *
   * This is not a padding mask: a token of weight 0 is still read, attended to, routed, balanced and counted as load.
   */
  readonly labelWeights?: tf.Tensor2D | null; // [B, T+1] float32
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

/** The labels of one depth, flattened, with their weights. */
export interface Labels {
  readonly ids: tf.Tensor1D; // [B*L] int32
  /** 1 for labels in the document of the position that predicts them, 0 for others; null where all count. */
  readonly counted: tf.Tensor1D | null; // [B*L]
  /** Weights divided by the largest one; null where all labels count alike. */
  readonly weights: tf.Tensor1D | null; // [B*L]
}

/**
 * Total loss and its parts.
 *
 * The MTP term is the mean over depths of weighted means (B11), times lambda. The balance term is summed over layers,
 * and does not depend on labels.
 *
 * Source: arXiv:2412.19437 eq. 17-25.
 */
export function computeLoss(model: DeepseekV3ForCausalLM, input: LossInput, weights: LossWeights): LossTerms {
  const output = forwardPass(model, input);
  const labels = [output.hidden, ...output.mtpHidden].map((_, depth) => labelsOf(input, depth));
  return lossTerms(model, output, labels, weights);
}

/** The model on all ids of each row but the last. */
export function forwardPass(model: DeepseekV3ForCausalLM, { ids, documentIds }: LossInput): ForwardOutput {
  return model.forward(inputsOf(ids), { documentIds: documentIds === null ? null : inputsOf(documentIds), mtp: true });
}

/** All ids of a row but the last: [B, T+1] -> [B, T]. */
function inputsOf(ids: tf.Tensor2D): tf.Tensor2D {
  const [B, length] = ids.shape;
  return tf.slice(ids, [0, 0], [B, length - 1]);
}

/**
 * The labels of depth k (0 is the main model), L = T - k in each row. A label has the weight of its token, whichever
 * depth predicts it.
 */
export function labelsOf({ ids, documentIds, labelWeights = null }: LossInput, depth: number): Labels {
  const flat = (x: tf.Tensor2D): tf.Tensor1D => tf.reshape(x, [x.size]);
  return {
    ids: flat(labelsAtDepth(ids, depth)),
    counted: documentIds === null ? null : flat(labelsWithinDocument(documentIds, depth)),
    weights: labelWeights === null ? null : flat(labelsAtDepth(shareOfLargest(labelWeights), depth)),
  };
}

/** Weights divided by the largest one, so that equal weights become exactly 1. */
function shareOfLargest(weights: tf.Tensor2D): tf.Tensor2D {
  return tf.div(weights, tf.maximum(tf.max(weights), smallest));
}

/** The loss and its parts, from a forward pass and the labels of each depth that ran. */
export function lossTerms(
  model: DeepseekV3ForCausalLM,
  { hidden, mtpHidden, routing }: ForwardOutput,
  labels: readonly Labels[],
  weights: LossWeights,
): LossTerms {
  const [main, ...mtp] = [hidden, ...mtpHidden].map((h, depth) => labelLoss(h, model.lmHead, labels[depth]!));
  if (main === undefined) throw new Error('internal: no main loss');
  const balances = routing.map((record) => layerBalanceLoss(record, model.config, weights.balancing));
  const counts = routing.map(({ layer, topkIndices }) => {
    return { layer, counts: countSelections(topkIndices, model.config.nRoutedExperts) };
  });
  return { ...combineLosses({ main, mtp, balances }, weights), counts };
}

/** The losses that a total is made of, before their weights. */
export interface SingleLosses {
  readonly main: tf.Scalar;
  /** One per MTP depth. */
  readonly mtp: readonly tf.Scalar[];
  /** One per MoE layer. */
  readonly balances: readonly tf.Scalar[];
}

/** The total of a whole model, and its terms. */
export function combineLosses({ main, mtp, balances }: SingleLosses, weights: LossWeights): Omit<LossTerms, 'counts'> {
  const labels = labelTerm(main, mtp, weights);
  const balance = meanBalance(balances, balances.length);
  const total: tf.Scalar = tf.add(labels, tf.mul(balance, balanceFactor(balances.length, weights)));
  return { total, main, mtp, balance };
}

/** main + lambda * mean over the MTP depths. */
export function labelTerm(main: tf.Scalar, mtp: readonly tf.Scalar[], { mtpWeight }: LossWeights): tf.Scalar {
  const mtpMean = mtp.length === 0 ? tf.scalar(0) : tf.div(tf.addN([...mtp]), mtp.length);
  return tf.add(main, tf.mul(mtpMean, mtpWeight));
}

/** The sum of balance losses divided by `layers`, the number of MoE layers of the model. */
export function meanBalance(balances: readonly tf.Scalar[], layers: number): tf.Scalar {
  return balances.length === 0 ? tf.scalar(0) : tf.div(tf.addN([...balances]), layers);
}

/** What the mean balance loss over `layers` is multiplied by in the total: alpha counts for each layer. */
export function balanceFactor(layers: number, { balancing, balanceLossFactor }: LossWeights): number {
  return balancing === 'none' ? 0 : balanceLossFactor * layers;
}

/** The least divisor: where no label counts, 0 is divided by this. */
const smallest = 1e-30;

/**
 * Weighted mean negative log-likelihood of the labels of one depth: the sum of weight times loss, divided by the sum of
 * weights, so a label of weight 2 counts as if it were there twice. Labels that do not count are in neither sum. The
 * result is 0 if no label counts.
 *
 * Shapes: hidden [B, L, D], lmHead [V, D] -> scalar on the tape, in nats.
 * Source: PyTorch's `cross_entropy` with class weights divides in the same way. With weights 0 and 1 the result is that
 * of transformers' `ForCausalLMLoss` with -100 for masked labels.
 */
export function labelLoss(hidden: tf.Tensor3D, lmHead: tf.Tensor2D, { ids, counted, weights }: Labels): tf.Scalar {
  const [B, L, D] = hidden.shape;
  const losses = linearCrossEntropy(tf.reshape(hidden, [B * L, D]), lmHead, ids);
  const weighted = weights === null ? losses : tf.mul(losses, weights);
  if (counted !== null) {
    const weightsCounted = weights === null ? counted : tf.mul(weights, counted);
    return tf.div(tf.sum(tf.mul(weighted, counted)), tf.maximum(tf.sum(weightsCounted), smallest));
  }
  const mean: tf.Scalar = tf.mean(weighted);
  return weights === null ? mean : tf.div(mean, tf.maximum(tf.div(tf.sum(weights), B * L), smallest));
}

/** The selections and the statistics that a balancing mode uses. */
function balanceOptions(balancing: Balancing): BalanceLossOptions {
  if (balancing === 'batch-aux') return { scope: 'batch', selection: 'dispatch' };
  return { scope: 'sequence', selection: balancing === 'sequence-aux' ? 'dispatch' : 'affinity' };
}

/** The balance loss of one layer, without alpha, under a balancing mode. */
export function layerBalanceLoss(record: RoutingRecord, config: ModelConfig, balancing: Balancing): tf.Scalar {
  return balanceLoss(record, config, balanceOptions(balancing));
}
