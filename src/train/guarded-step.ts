// An optimizer step on a GPU that decides by itself whether it is taken. Nothing in it waits for the host, so the whole
// step is recorded and repeated as one list of commands, and the next one may be asked for before the numbers of this
// one are there.

import type { TrainConfig } from '../config/train-config.ts';
import type { Batch } from '../data/types.ts';
import { canGuardUpdates, guardedBias, guardUpdates } from '../ops/guarded-update.ts';
import { ownData } from '../tensor/own-data.ts';
import { Repeated } from '../tensor/repeated.ts';
import { tf } from '../tensor/tf.ts';
import {
  type Accumulated,
  type AccumulationSettings,
  accumulateGradients,
  addParts,
  type PartPass,
  partPasses,
} from './accumulate.ts';
import { globalNorm } from './clip.ts';
import type { Learner } from './learner.ts';
import { nonFiniteError } from './non-finite.ts';
import type { StepPlan } from './schedules.ts';
import { countsOf, packStep, type StepOutcome, unpackStep } from './step-report.ts';
import type { UpdateGuard } from './update-guard.ts';

export type StepSettings = AccumulationSettings &
  Pick<TrainConfig, 'maxGradNorm' | 'expertBiasUpdateRule' | 'expertBiasRecenter'>;

type GuardedLearner = Learner & { readonly guard: UpdateGuard };

/** Whether steps of this learner on the active backend give all their commands at once. */
export function isGuarded(learner: Learner): learner is GuardedLearner {
  return learner.guard !== undefined && canGuardUpdates();
}

/**
 * As `trainStep`, whose commands have all been given when this returns its promise. A step that was given after one
 * that is not finite changes nothing and fails too.
 */
export async function guardedStep(
  learner: GuardedLearner,
  batch: Batch,
  plan: StepPlan,
  train: StepSettings,
): Promise<StepOutcome> {
  const { model, optimizer, guard } = learner;
  const before = optimizer.steps;
  try {
    const values = await giveCommands(learner, batch, plan, train);
    const outcome = unpackStep(values.subarray(0, -1), train.gradAccumSteps, model);
    if (values.at(-1)! < 0) throw await heldError(learner, batch, plan, train, outcome);
    return outcome;
  } catch (error) {
    optimizer.uncountUpdates(before);
    guard.clear();
    throw error;
  }
}

/** The numbers of the step, and last the factor of the gradients. */
function giveCommands(
  learner: GuardedLearner,
  batch: Batch,
  plan: StepPlan,
  train: StepSettings,
): Promise<Float32Array> {
  const { model, optimizer, average, guard, passes } = learner;
  const parts = partPasses(learner, batch, plan.mtpWeight, train);
  const inputs = parts.map((part) => part.inputs());
  const factors = optimizer.countUpdate(plan.learningRate);
  const variables = [
    ...[...model.parameters.values(), ...model.expertBiases.values(), ...optimizer.variables],
    ...[...(average?.variables ?? []), guard.held],
  ];
  // A recorded step writes where the variables were, so nobody else may use their data.
  for (const variable of variables) ownData(variable);
  const { maxGradNorm, expertBiasUpdateRule, expertBiasRecenter } = train;
  const { biasSpeed } = plan;
  const key = JSON.stringify([
    ...parts.map((part) => part.key),
    { maxGradNorm, expertBiasUpdateRule, expertBiasRecenter, biasSpeed },
  ]);
  const given = [...inputs.flat(), factors];
  const [packed] = passes.run(key, given, variables, (tensors) => [
    updated(learner, gradientsOf(learner, parts, inputs, tensors), tensors.at(-1) as tf.Tensor1D, plan, train),
  ]);
  tf.dispose(given);
  // What is read is copied at once; whoever computes next may write there.
  const values = packed!.data<'float32'>();
  packed!.dispose();
  return values;
}

/** Forward and backward over all parts, with `tensors` in the places of their inputs. */
function gradientsOf(
  { model }: Learner,
  parts: readonly PartPass[],
  inputs: readonly (readonly tf.Tensor[])[],
  tensors: readonly tf.Tensor[],
): Accumulated {
  const rest = [...tensors];
  const ofPart = new Map(parts.map((part, i) => [part, rest.splice(0, inputs[i]!.length)]));
  return addParts(model, parts, (part) => part.run(ofPart.get(part)!));
}

/** Makes the updates, unless the step is not finite, and packs its numbers. Takes over gradients and reports. */
function updated(
  { model, optimizer, average, guard }: GuardedLearner,
  { gradients, reports }: Accumulated,
  factors: tf.Tensor1D,
  { biasSpeed }: StepPlan,
  { balancing, maxGradNorm, expertBiasUpdateRule, expertBiasRecenter }: StepSettings,
): tf.Tensor1D {
  const { expertBiases, config } = model;
  const packed = tf.tidy(() => {
    const norm = globalNorm(gradients.values());
    const report: tf.Tensor1D = reports.length === 1 ? reports[0]! : tf.addN([...reports]);
    const scale = guardUpdates(norm, report, guard.held, maxGradNorm);
    optimizer.updateGuarded(gradients, factors, scale);
    if (balancing === 'bias' && biasSpeed !== 0 && expertBiases.size > 0) {
      guardedBias([...expertBiases.values()], countsOf(report, model), scale, {
        speed: biasSpeed,
        rule: expertBiasUpdateRule,
        form: config.expertBiasForm,
        recenter: expertBiasRecenter,
      });
    }
    average?.updateGuarded(scale);
    return packStep(norm, [...reports, scale.as1D()], model);
  });
  tf.dispose([...gradients.values(), ...reports]);
  return packed;
}

/** The error for a step that was not taken. Its gradients are computed again, to find the tensor. */
async function heldError(
  learner: GuardedLearner,
  batch: Batch,
  plan: StepPlan,
  train: StepSettings,
  { total, gradNorm }: StepOutcome,
): Promise<Error> {
  if (Number.isFinite(total) && Number.isFinite(gradNorm)) {
    return new Error('internal: a step was asked for before one that was not finite was seen');
  }
  const passes = new Repeated();
  const { gradients, reports } = accumulateGradients({ ...learner, passes }, batch, plan.mtpWeight, train);
  try {
    return await nonFiniteError(plan.step + 1, total, learner.model.parameters, gradients);
  } finally {
    tf.dispose([...gradients.values(), ...reports]);
  }
}
