// The steps of a run in their order. Where a backend needs no answer from the host to compute the next step, its
// commands are given before the numbers of the current one are read, so that a GPU need not wait between two steps. The
// run is at most one step ahead, and never where the weights after the current step are looked at.

import { followChanges } from './follow-changes.ts';
import type { MethodOutcome } from './method.ts';
import { isInterrupted, type Run } from './run.ts';
import type { StepPlan } from './schedules.ts';
import type { StepOutcome } from './step-report.ts';

type Outcome = StepOutcome & Partial<MethodOutcome>;

/** A step that has been asked for. */
interface Begun {
  readonly plan: StepPlan;
  readonly outcome: Promise<Outcome>;
  /** The time of the run's clock then. */
  readonly at: number;
}

/** A step that was taken. */
export interface Taken {
  readonly plan: StepPlan;
  readonly outcome: Outcome;
  /** Since the step was asked for, or since the step before it was over, whichever was later. */
  readonly seconds: number;
}

export interface StepsAhead {
  /** Takes the step that comes after those done. */
  next(): Promise<Taken>;
  /** Whether the next step is under way. */
  isAhead(): boolean;
  /** Waits until no step is under way; one that was is lost. */
  settle(): Promise<void>;
}

/** `isDueAfter`: whether anything has to be done after a step, before the next one begins. */
export function stepsAhead(run: Run, isDueAfter: (step: number) => boolean): StepsAhead {
  let ahead: Begun | null = null;
  let overAt = 0;
  const mayBeAhead = (step: number) =>
    run.stepper.canBeAhead &&
    !run.isWatched &&
    step < run.settings.train.steps &&
    !isDueAfter(step) &&
    !isInterrupted(run);
  return {
    isAhead: () => ahead !== null,
    next: async () => {
      const { plan, outcome, at } = ahead ?? (await begin(run, run.state.step));
      ahead = mayBeAhead(run.state.step + 1) ? await begin(run, run.state.step + 1) : null;
      const found = await outcome;
      const since = Math.max(at, overAt);
      overAt = run.clock.seconds();
      return { plan, outcome: found, seconds: overAt - since };
    },
    settle: async () => {
      await ahead?.outcome.catch(() => {});
      ahead = null;
    },
  };
}

/** Asks for the step that follows `done` steps. An error of it is that of its outcome. */
async function begin(run: Run, done: number): Promise<Begun> {
  const train = await followChanges(run);
  const plan = run.plan[done];
  if (!plan) throw new Error(`internal: no plan for step ${done}`);
  const at = run.clock.seconds();
  const { dataset, learner, method, stepper } = run;
  const take = async () =>
    method?.step === undefined
      ? stepper.step(dataset.trainBatch(plan.firstSample, plan.batchSize), plan, train)
      : method.step(learner, plan, train);
  const outcome = take();
  outcome.catch(() => {}); // whoever awaits it is told
  return { plan, outcome, at };
}
