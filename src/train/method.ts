// A way of training other than predicting rows of text, such as reinforcement learning: what it does in a step and how
// it is measured. Everything else of a run stays as it is: its folder, schedules, checkpoints, interrupts, and that it
// can be carried on to the same bits.

import { UserError } from '../errors.ts';
import type { JsonObject } from '../io/json.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import type { Learner } from './learner.ts';
import type { RunSettings } from './run-settings.ts';
import type { StepPlan } from './schedules.ts';
import type { StepOutcome } from './step-report.ts';
import type { TrainConfig } from '../config/train-config.ts';

/** What a step found, for people. */
export interface Highlights {
  /** The number that training is to move, to be drawn as a curve. */
  readonly curve: number;
  /** A few words each, the curve's first: `reward 0.63`. */
  readonly texts: readonly string[];
}

/** What a step of a method found. */
export interface MethodOutcome extends StepOutcome {
  /** Further keys of the metrics line. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly highlights: Highlights;
  /** What is odd about the step. */
  readonly warnings?: readonly string[];
}

/** How good the model is at what it is trained for. */
export interface Measurement {
  /** Plain data, returned with the result of the run. */
  readonly result: JsonObject;
  /** Keys of the metrics line. */
  readonly metrics: Readonly<Record<string, number>>;
  /** A line for people. */
  readonly text: string;
}

/** What a method changes besides the model. */
export interface MethodState {
  /** Under names that are not those of the optimizer. */
  exportTensors(): Promise<readonly NamedTensor[]>;
  /** Takes up what `exportTensors` gave after so many updates; other names are ignored. */
  importTensors(tensors: readonly NamedTensor[], updates: number): void;
}

/**
 * What a run does in place of training on the rows of a dataset and evaluating on its held-out text; a method without a
 * `step` does both as well.
 */
export interface TrainingMethod {
  /** The command that starts such a run. */
  readonly name: string;
  /** Recorded in `run.json`; a run that is carried on must be given the same. */
  readonly settings: JsonObject;
  /**
   * One step. What it draws must depend on the seed and the step alone, so that a resumed run draws the same. Absent:
   * the next rows of the dataset.
   */
  step?(learner: Learner, plan: StepPlan, train: TrainConfig): Promise<MethodOutcome>;
  /** Is called before the first step, every `evalEvery` steps and after the last. Absent: nothing is measured. */
  measure?(learner: Learner): Promise<Measurement>;
  /** Is asked after each step; true makes this step the last of the run. Absent: the run goes on to its planned end. */
  isDone?(learner: Learner, step: number): Promise<boolean>;
  /** What else the method changes from step to step, to be saved with each checkpoint. Absent: nothing. */
  readonly state?: MethodState;
  /** An example of what the model writes; is called when a sample is due. */
  example(learner: Learner): Promise<{ readonly prompt: string; readonly text: string }>;
}

/** Throws a `UserError` unless a run is carried on by the method that it was started with. */
export function refuseOtherMethod(
  { method: recorded }: Pick<RunSettings, 'method'>,
  given: TrainingMethod | undefined,
  runDir: string,
): void {
  const started = recorded?.name ?? 'train';
  if (started !== (given?.name ?? 'train')) {
    throw new UserError(
      `resume: ${runDir} is a run of tinyseek ${started}; carry it on with tinyseek ${started} --resume ${runDir}`,
    );
  }
  const [before, now] = [{ ...recorded?.settings }, { ...given?.settings }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  const changes = keys
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(now[key]))
    .map((key) => `${key} is ${JSON.stringify(before[key])}, not ${JSON.stringify(now[key])}`);
  if (changes.length === 0) return;
  throw new UserError(
    `resume: ${runDir} was started with other settings: ${changes.join(', ')}; ` +
      'leave them out to carry on, or start a new run in another folder',
  );
}
