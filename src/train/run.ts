// A run in progress: everything that its parts need to know of each other.

import type { Dataset } from '../data/types.ts';
import type { RunLog, RunStore } from '../runs/run-store.ts';
import type { Clock } from './clock.ts';
import type { TrainEvent } from './events.ts';
import type { Learner } from './learner.ts';
import type { SettingsController } from './live-settings.ts';
import type { TrainingMethod } from './method.ts';
import type { Position } from './metrics.ts';
import type { RunSettings } from './run-settings.ts';
import type { StepPlan } from './schedules.ts';
import type { Stepper } from './stepper.ts';
import type { TrainerState } from './trainer-state.ts';

export interface Run {
  readonly store: RunStore;
  /** Replaced when the run ends early because its method says that it is done, and when somebody changes settings. */
  settings: RunSettings;
  readonly dataset: Dataset;
  readonly learner: Learner;
  readonly stepper: Stepper;
  /** Whether somebody looks at the model, or changes settings, between two steps, so that each must be over first. */
  readonly isWatched: boolean;
  /** Null where rows of text are predicted. */
  readonly method: TrainingMethod | null;
  plan: readonly StepPlan[];
  /** Asks for changes of the settings; null where nobody does. */
  readonly live: SettingsController | null;
  readonly log: RunLog;
  /** Tells whoever watches, and waits for them if they ask for it. */
  readonly emit: (event: TrainEvent) => Promise<void>;
  readonly signal: AbortSignal | undefined;
  readonly clock: Clock;
  /** Lets timers, sockets and signals have their turn, and waits as long as the run is paused. */
  readonly rest: () => Promise<void>;
  /** Where the run stands; replaced as it goes. */
  state: TrainerState;
  /** The last checkpoint that was written since the run started or was resumed, with the state in it; null for none. */
  saved: { readonly path: string; readonly state: TrainerState } | null;
}

/** The position of the run now, with which a metrics line begins. */
export function positionOf(run: Run): Position {
  return { step: run.state.step, tokens: run.state.tokens, seconds: run.clock.seconds() };
}

/** Whether somebody asked the run to stop. */
export function isInterrupted(run: Run): boolean {
  return run.signal?.aborted === true;
}
