// One optimizer step: forward and backward over the parts of a batch, clipping, AdamW, balancing bias, weight average.
//
// All numbers of a step come back from the backend in one transfer, before anything is changed: a step whose loss or
// gradients are not finite leaves the weights as they were. A GPU makes sure of that by itself: `guarded-step.ts`.

import type { Batch } from '../data/types.ts';
import { tf } from '../tensor/tf.ts';
import { accumulateGradients } from './accumulate.ts';
import { balanceExperts } from './balance-experts.ts';
import { clipScale, globalNorm } from './clip.ts';
import { guardedStep, isGuarded, type StepSettings } from './guarded-step.ts';
import type { Learner } from './learner.ts';
import { nonFiniteError } from './non-finite.ts';
import type { StepPlan } from './schedules.ts';
import { readReports, type StepOutcome } from './step-report.ts';

/**
 * Trains on one batch: gradients of all parts are added, then the optimizer, the bias and the average move once.
 *
 * Where `isGuarded` holds, all commands have been given when this returns its promise, so the next step may be asked for
 * before that is settled.
 *
 * Ownership: leaves no tensor behind.
 *
 * @throws UserError that names the tensor when the loss or a gradient is not finite; nothing has been changed then.
 */
export async function trainStep(
  learner: Learner,
  batch: Batch,
  plan: StepPlan,
  train: StepSettings,
): Promise<StepOutcome> {
  if (isGuarded(learner)) return guardedStep(learner, batch, plan, train);
  const { gradients, reports } = accumulateGradients(learner, batch, plan.mtpWeight, train);
  const norm = globalNorm(gradients.values());
  try {
    const found = await readReports(reports, norm, learner.model);
    if (!Number.isFinite(found.total) || !Number.isFinite(found.gradNorm)) {
      throw await nonFiniteError(plan.step + 1, found.total, learner.model.parameters, gradients);
    }
    tf.tidy(() => learner.optimizer.update(gradients, plan.learningRate, clipScale(norm, train.maxGradNorm)));
    const { expertBiases, config } = learner.model;
    const load = balanceExperts(expertBiases, found.load, plan.biasSpeed, config.expertBiasForm, train);
    learner.average?.update();
    return { ...found, load };
  } finally {
    tf.dispose([norm, ...gradients.values(), ...reports]);
  }
}
