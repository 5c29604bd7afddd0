// One update of the optimizer from answers with advantages: forward, loss, backward, clipping, AdamW, balancing bias.
// Shape legend: B rows, T positions of a row.

import type { TrainConfig } from '../../config/train-config.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import { valueAndGrads } from '../../tensor/gradients.ts';
import { tf } from '../../tensor/tf.ts';
import { balanceExperts } from '../../train/balance-experts.ts';
import { clipScale, globalNorm } from '../../train/clip.ts';
import type { Learner } from '../../train/learner.ts';
import { nonFiniteError } from '../../train/non-finite.ts';
import type { StepPlan } from '../../train/schedules.ts';
import { packReport, readReports, type StepOutcome } from '../../train/step-report.ts';
import type { GrpoConfig } from './config.ts';
import { grpoLoss } from './loss.ts';
import { answerPart, answerRows, placed, rowLength, type TrainingAnswer } from './rows.ts';
import { tokenLogps } from './token-logps.ts';

/** An answer, and the log probabilities of its tokens under the reference; null without one. */
export interface ReferredAnswer extends TrainingAnswer {
  readonly reference: Float32Array | null;
}

/** What an update found. */
export interface UpdateOutcome extends StepOutcome {
  /** Log probabilities of each answer's tokens by the model before the update. */
  readonly logps: readonly Float32Array[];
}

/** The log probabilities of each answer's tokens under a model, without a gradient. */
export async function scoreAnswerTokens(
  model: DeepseekV3ForCausalLM,
  answers: readonly TrainingAnswer[],
  temperature: number,
  parts: number,
): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const part of divide(answers, parts)) {
    const T = rowLength(part);
    const logps = tf.tidy(() => tokenLogps(model, answerRows(part, T), temperature, false).logps);
    const values = (await logps.data()) as Float32Array;
    logps.dispose();
    found.push(...part.map((answer, b) => answerPart(values, T, answer, b).slice()));
  }
  return found;
}

/**
 * Moves the weights once. The answers are computed in `gradAccumSteps` parts, whose gradients are added.
 *
 * With `mtpLossWeight` above 0 the MTP modules learn to predict the sampled answers, right and wrong ones alike, since
 * that is what they will draft; the gradient of their loss also reaches the main model, as in pre-training. There is no
 * balance loss: the report names none for this stage.
 *
 * Ownership: leaves no tensor behind.
 *
 * @throws {UserError} when the loss or a gradient is not finite; nothing has been changed then.
 */
export async function update(
  learner: Learner,
  answers: readonly ReferredAnswer[],
  plan: StepPlan,
  train: TrainConfig,
  config: GrpoConfig,
): Promise<UpdateOutcome> {
  const { model, optimizer } = learner;
  const names = [...model.parameters.keys()];
  const gradients = new Map<string, tf.Tensor>();
  const reports: tf.Tensor1D[] = [];
  const logps: Float32Array[] = [];
  for (const part of divide(answers, train.gradAccumSteps)) {
    const mtpWeight = (plan.mtpWeight * part.length) / answers.length;
    const { T, found, report, grads } = differentiate(model, part, mtpWeight, config);
    reports.push(report);
    const values = (await found.data()) as Float32Array;
    found.dispose();
    logps.push(...part.map((answer, b) => answerPart(values, T, answer, b).slice()));
    for (const [i, grad] of grads.entries()) addTo(gradients, names[i]!, grad);
  }
  const norm = globalNorm(gradients.values());
  try {
    const found = await readReports(reports, norm, model);
    if (!Number.isFinite(found.total) || !Number.isFinite(found.gradNorm)) {
      throw await nonFiniteError(plan.step + 1, found.total, model.parameters, gradients);
    }
    tf.tidy(() => optimizer.update(gradients, plan.learningRate, clipScale(norm, train.maxGradNorm)));
    const load = balanceExperts(model.expertBiases, found.load, plan.biasSpeed, model.config.expertBiasForm, train);
    learner.average?.update();
    return { ...found, load, logps };
  } finally {
    tf.dispose([norm, ...gradients.values(), ...reports]);
  }
}

/** Log probabilities [B, T], the report of a step, and gradients of one part; all of them belong to the caller. */
function differentiate(
  model: DeepseekV3ForCausalLM,
  part: readonly ReferredAnswer[],
  mtpWeight: number,
  config: GrpoConfig,
) {
  const T = rowLength(part);
  const rows = answerRows(part, T);
  const shape: [number, number] = [part.length, T];
  const place = (values: (answer: ReferredAnswer, b: number) => ArrayLike<number>) =>
    tf.tensor2d(
      placed(part, T, (_, b) => values(part[b]!, b)),
      shape,
    );
  const constants = {
    sampled: place(({ rollout }) => rollout.logps),
    reference: config.beta === 0 ? null : place(({ reference }) => reference ?? []),
    advantages:
      part[0]?.tokenAdvantages === undefined
        ? tf.tensor1d(part.map(({ advantage }) => advantage))
        : place(({ tokenAdvantages = [] }) => tokenAdvantages),
    weights: place(({ rollout, share }) => rollout.ids.map(() => share)),
  };
  const kept: { found?: tf.Tensor2D; report?: tf.Tensor1D } = {};
  const { value, grads } = valueAndGrads(() => {
    const { logps, mtp, counts } = tokenLogps(model, rows, config.temperature, mtpWeight > 0);
    const main = grpoLoss({ logps, ...constants }, config);
    const scaled = mtp.map((loss) => tf.mul<tf.Scalar>(loss, mtpWeight / mtp.length));
    const total = scaled.reduce((sum, loss) => tf.add(sum, loss), main);
    kept.found = tf.keep(logps);
    kept.report = tf.keep(packReport({ total, main, mtp, balance: tf.scalar(0), counts }, model));
    return total;
  }, [...model.parameters.values()]);
  const { isAnswer, isRead, ids } = rows;
  const { reference, ...others } = constants;
  tf.dispose([value, isAnswer, isRead, ids, ...Object.values(others), ...(reference === null ? [] : [reference])]);
  return { T, found: kept.found!, report: kept.report!, grads };
}

/** Adds a gradient, which it takes over. */
function addTo(sums: Map<string, tf.Tensor>, name: string, gradient: tf.Tensor): void {
  const sum = sums.get(name);
  sums.set(name, sum === undefined ? gradient : tf.add(sum, gradient));
  if (sum !== undefined) tf.dispose([sum, gradient]);
}

/** At most `parts` parts of about equal size, none of them empty. */
export function divide<T>(items: readonly T[], parts: number): T[][] {
  const size = Math.ceil(items.length / parts);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}
