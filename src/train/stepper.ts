// Who takes the optimizer steps of a run. The learner itself, in the calling thread, unless the caller has another way:
// the rest of a run (data, log, evaluation, samples, checkpoints) is the same.

import type { TrainConfig } from '../config/train-config.ts';
import type { Batch } from '../data/types.ts';
import { isGuarded } from './guarded-step.ts';
import type { Learner } from './learner.ts';
import type { RunSettings } from './run-settings.ts';
import type { StepPlan } from './schedules.ts';
import type { StepOutcome } from './step-report.ts';
import { trainStep } from './train-step.ts';

export interface Stepper {
  /**
   * Trains on one batch; `train` has the settings of this step.
   *
   * @throws {UserError} when the loss or a gradient is not finite; nothing has been changed then
   */
  step(batch: Batch, plan: StepPlan, train: TrainConfig): Promise<StepOutcome>;
  /** Whether a step may be asked for while the one before it is under way. */
  readonly canBeAhead: boolean;
  /** Brings weights, biases, moments and average of the learner up to date. */
  gather(): Promise<void>;
  /** Frees what it holds. */
  close(): Promise<void>;
}

/** Makes a stepper for a learner that holds what the run begins with. */
export type StartStepper = (learner: Learner, settings: RunSettings) => Promise<Stepper>;

/** The learner takes the steps. */
export const ownSteps: StartStepper = async (learner) => ({
  step: (batch, plan, train) => trainStep(learner, batch, plan, train),
  canBeAhead: isGuarded(learner),
  gather: async () => {},
  close: async () => {},
});
