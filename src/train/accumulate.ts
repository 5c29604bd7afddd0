// Forward and backward over the parts of a batch, and the sum of their gradients.

import type { TrainConfig } from '../config/train-config.ts';
import type { Batch } from '../data/types.ts';
import { valueAndGrads } from '../tensor/gradients.ts';
import { tf } from '../tensor/tf.ts';
import type { Learner } from './learner.ts';
import { computeLoss, type LossTerms } from './loss.ts';
import { lossInput, labelShares, splitBatch } from './micro-batch.ts';
import { packReport } from './step-report.ts';

export type AccumulationSettings = Pick<
  TrainConfig,
  'gradAccumSteps' | 'documentMask' | 'balancing' | 'balanceLossFactor'
>;

/** Gradients of a whole batch and what its parts reported; all tensors belong to the caller. */
export interface Accumulated {
  /** By parameter name. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  /** One per part, with losses weighted by the part's share: they add up to those of the batch. */
  readonly reports: readonly tf.Tensor1D[];
}

/** Differentiates the loss of `batch`, computed in `gradAccumSteps` parts; see `micro-batch.ts` for their weights. */
export function accumulateGradients(
  { model, objective = computeLoss }: Pick<Learner, 'model' | 'objective'>,
  batch: Batch,
  mtpWeight: number,
  train: AccumulationSettings,
): Accumulated {
  const parts = splitBatch(batch, train.gradAccumSteps);
  const shares = labelShares(parts, model.config.numNextnPredictLayers, train.documentMask);
  const gradients = new Map<string, tf.Tensor>();
  const reports: tf.Tensor1D[] = [];
  for (const [i, part] of parts.entries()) {
    const { value, grads } = valueAndGrads(() => {
      const terms = objective(model, lossInput(part, train.documentMask), { ...train, mtpWeight });
      const weighted = weighTerms(terms, shares[i] ?? [], 1 / parts.length, mtpWeight);
      reports.push(tf.keep(packReport(weighted, model)));
      return weighted.total;
    }, [...model.parameters.values()]);
    value.dispose();
    addGradients(gradients, [...model.parameters.keys()], grads);
  }
  return { gradients, reports };
}

/**
 * The losses of a part times what they count for: its share of the rows, or of the labels where a mask drops some.
 *
 * `labelShares` are by depth, the main model first. Without a mask all shares are equal, and only `total` is scaled.
 */
function weighTerms(terms: LossTerms, labelShares: readonly number[], rowShare: number, mtpWeight: number): LossTerms {
  const [mainShare = rowShare, ...mtpShares] = labelShares;
  const shareOf = (depth: number) => mtpShares[depth] ?? rowShare;
  const corrections = [
    scaled(terms.main, mainShare - rowShare),
    ...terms.mtp.map((loss, depth) => scaled(loss, ((shareOf(depth) - rowShare) * mtpWeight) / terms.mtp.length)),
  ].filter((correction) => correction !== null);
  return {
    total: corrections.reduce((sum, correction) => tf.add(sum, correction), tf.mul<tf.Scalar>(terms.total, rowShare)),
    main: tf.mul(terms.main, mainShare),
    mtp: terms.mtp.map((loss, depth) => tf.mul(loss, shareOf(depth))),
    balance: tf.mul(terms.balance, rowShare),
    counts: terms.counts,
  };
}

function scaled(loss: tf.Scalar, factor: number): tf.Scalar | null {
  return factor === 0 ? null : tf.mul(loss, factor);
}

/** Adds `grads`, which it takes over, to `sums`. */
function addGradients(sums: Map<string, tf.Tensor>, names: readonly string[], grads: readonly tf.Tensor[]): void {
  for (const [i, grad] of grads.entries()) {
    const name = names[i] ?? '';
    const sum = sums.get(name);
    sums.set(name, sum ? tf.add(sum, grad) : grad);
    if (sum) tf.dispose([sum, grad]);
  }
}
