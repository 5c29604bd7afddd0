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

/** The forward and backward pass of one part of a batch. */
export interface PartPass {
  /** Stands for all that the pass depends on besides its inputs and the model. */
  readonly key: string;
  /** Tensors that `run` takes; they belong to the caller. */
  readonly inputs: () => tf.Tensor[];
  /** The report of the part, then its gradients in the order of the model's parameters. */
  readonly run: (inputs: tf.Tensor[]) => tf.Tensor[];
}

/** The passes of all parts; see `micro-batch.ts` for their weights. */
export function partPasses(
  { model, objective = computeLoss }: Pick<Learner, 'model' | 'objective'>,
  batch: Batch,
  mtpWeight: number,
  train: AccumulationSettings,
): PartPass[] {
  const parts = splitBatch(batch, train.gradAccumSteps);
  const ofPart = passSettings(parts, model.config.numNextnPredictLayers, mtpWeight, train);
  return parts.map((part, i) => {
    const settings = ofPart[i]!;
    return {
      key: JSON.stringify(settings),
      inputs: () => tensorsOf(lossInput(part, train.documentMask)),
      run: (tensors) => differentiate(model, objective, inputOf(tensors, part, train), settings),
    };
  });
}

/**
 * Differentiates the loss of `batch`, computed in `gradAccumSteps` parts.
 *
 * A batch of one part goes through `passes`. Several parts do not, because the gradients of each part would overwrite
 * those of the part before.
 */
export function accumulateGradients(
  learner: Pick<Learner, 'model' | 'passes' | 'objective'>,
  batch: Batch,
  mtpWeight: number,
  train: AccumulationSettings,
): Accumulated {
  const { model, passes } = learner;
  const parts = partPasses(learner, batch, mtpWeight, train);
  const variables = [...model.parameters.values(), ...model.expertBiases.values()];
  return addParts(model, parts, ({ key, inputs: makeInputs, run }) => {
    const inputs = makeInputs();
    const made = parts.length === 1 ? passes.run(key, inputs, variables, run) : run(inputs);
    tf.dispose(inputs);
    return made;
  });
}

/** The reports of all parts, and the sums of their gradients. */
export function addParts(
  { parameters }: Pick<DeepseekV3ForCausalLM, 'parameters'>,
  parts: readonly PartPass[],
  run: (part: PartPass) => tf.Tensor[],
): Accumulated {
  const names = [...parameters.keys()];
  const gradients = new Map<string, tf.Tensor>();
  const reports: tf.Tensor1D[] = [];
  for (const part of parts) {
    const [report, ...grads] = run(part);
    reports.push(report as tf.Tensor1D);
    addGradients(gradients, names, grads);
  }
  return { gradients, reports };
}

/** The tensors of an input, without absent ones; `inputOf` is the inverse. */
function tensorsOf({ ids, documentIds, labelWeights }: LossInput): tf.Tensor[] {
  return [ids, documentIds, labelWeights ?? null].filter((tensor) => tensor !== null);
}

function inputOf(
  tensors: readonly tf.Tensor[],
  { labelWeights }: Batch,
  { documentMask }: Pick<TrainConfig, 'documentMask'>,
): LossInput {
  const rest = [...tensors] as tf.Tensor2D[];
  return {
    ids: rest.shift()!,
    documentIds: documentMask ? rest.shift()! : null,
    labelWeights: labelWeights === undefined ? null : rest.shift()!,
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
