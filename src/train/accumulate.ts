// Forward and backward over the parts of a batch, and the sum of their gradients.

import type { TrainConfig } from '../config/train-config.ts';
import type { Batch } from '../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { valueAndGrads } from '../tensor/gradients.ts';
import { tf } from '../tensor/tf.ts';
import type { Learner, Objective } from './learner.ts';
import { computeLoss, type LossInput, type LossTerms, type LossWeights } from './loss.ts';
import { labelShares, lossInput, splitBatch } from './micro-batch.ts';
import { packReport } from './step-report.ts';

export type AccumulationSettings = Pick<
  TrainConfig,
  'gradAccumSteps' | 'documentMask' | 'balancing' | 'balanceLossFactor'
>;

/** Gradients of a whole batch and what its parts reported: the caller's to dispose, and valid until the next step. */
export interface Accumulated {
  /** By parameter name. */
  readonly gradients: ReadonlyMap<string, tf.Tensor>;
  /** One per part, with losses weighted by the part's share: they add up to those of the batch. */
  readonly reports: readonly tf.Tensor1D[];
}

/**
 * Differentiates the loss of `batch`, computed in `gradAccumSteps` parts; see `micro-batch.ts` for their weights.
 *
 * A batch of one part goes through `passes`. Several parts do not, because the gradients of each part would overwrite
 * those of the part before.
 */
export function accumulateGradients(
  { model, passes, objective = computeLoss }: Pick<Learner, 'model' | 'passes' | 'objective'>,
  batch: Batch,
  mtpWeight: number,
  train: AccumulationSettings,
): Accumulated {
  const parts = splitBatch(batch, train.gradAccumSteps);
  const ofPart = passSettings(parts, model.config.numNextnPredictLayers, mtpWeight, train);
  const names = [...model.parameters.keys()];
  const variables = [...model.parameters.values(), ...model.expertBiases.values()];
  const gradients = new Map<string, tf.Tensor>();
  const reports: tf.Tensor1D[] = [];
  for (const [i, part] of parts.entries()) {
    const input = lossInput(part, train.documentMask);
    const inputs = tensorsOf(input);
    const settings = ofPart[i]!;
    const pass = (tensors: tf.Tensor[]) => differentiate(model, objective, withTensors(input, tensors), settings);
    const [report, ...grads] =
      parts.length === 1 ? passes.run(JSON.stringify(settings), inputs, variables, pass) : pass(inputs);
    tf.dispose(inputs);
    reports.push(report as tf.Tensor1D);
    addGradients(gradients, names, grads);
  }
  return { gradients, reports };
}

/** The tensors of an input, without absent ones; `withTensors` puts others in their places. */
function tensorsOf({ ids, documentIds, labelWeights }: LossInput): tf.Tensor[] {
  return [ids, documentIds, labelWeights ?? null].filter((tensor) => tensor !== null);
}

function withTensors({ documentIds, labelWeights }: LossInput, tensors: readonly tf.Tensor[]): LossInput {
  const rest = [...tensors] as tf.Tensor2D[];
  return {
    ids: rest.shift()!,
    documentIds: documentIds === null ? null : rest.shift()!,
    labelWeights: labelWeights == null ? null : rest.shift()!,
  };
}

/** The weights of the losses of one part. */
export interface PassSettings extends LossWeights {
  /** See `weighTerms`. */
  readonly labelShares: readonly number[];
  readonly rowShare: number;
}

/** The weights of the losses of each part of a batch. */
export function passSettings(
  parts: readonly Batch[],
  depths: number,
  mtpWeight: number,
  { documentMask, balancing, balanceLossFactor }: Omit<AccumulationSettings, 'gradAccumSteps'>,
): PassSettings[] {
  const shares = labelShares(parts, depths, documentMask);
  const rowShare = 1 / parts.length;
  return parts.map((_, i) => ({ balancing, balanceLossFactor, mtpWeight, labelShares: shares[i] ?? [], rowShare }));
}

/** Report and gradients of one part. */
function differentiate(
  model: DeepseekV3ForCausalLM,
  objective: Objective,
  input: LossInput,
  settings: PassSettings,
): tf.Tensor[] {
  const reports: tf.Tensor[] = [];
  const { value, grads } = valueAndGrads(() => {
    const weighted = weighTerms(objective(model, input, settings), settings);
    reports.push(tf.keep(packReport(weighted, model)));
    return weighted.total;
  }, [...model.parameters.values()]);
  value.dispose();
  return [...reports, ...grads];
}

/**
 * The losses of a part times their weight: the part's share of the rows, or of the labels where a mask drops some.
 *
 * `labelShares` are by depth, the main model first. Without a mask all shares are equal, and only `total` is scaled.
 */
export function weighTerms(terms: LossTerms, settings: PassSettings): LossTerms {
  const { labelShares, rowShare } = settings;
  const [mainShare = rowShare, ...mtpShares] = labelShares;
  return {
    total: weighTotal(terms.total, [terms.main, ...terms.mtp], settings),
    main: tf.mul(terms.main, mainShare),
    mtp: terms.mtp.map((loss, depth) => tf.mul(loss, mtpShares[depth] ?? rowShare)),
    balance: tf.mul(terms.balance, rowShare),
    counts: terms.counts,
  };
}

/** A total times the part's share of the rows, with each loss in it corrected to its share of the labels. */
export function weighTotal(
  total: tf.Scalar,
  [main, ...mtp]: readonly tf.Scalar[],
  { labelShares: [mainShare, ...mtpShares], rowShare, mtpWeight }: PassSettings,
): tf.Scalar {
  const corrections = [
    main === undefined ? null : scaled(main, (mainShare ?? rowShare) - rowShare),
    ...mtp.map((loss, k) => scaled(loss, (((mtpShares[k] ?? rowShare) - rowShare) * mtpWeight) / mtp.length)),
  ].filter((correction) => correction !== null);
  return corrections.reduce<tf.Scalar>((sum, correction) => tf.add(sum, correction), tf.mul(total, rowShare));
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
