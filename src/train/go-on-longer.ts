// Changing the number of steps of a run that has begun.

import { validateTrainConfig } from '../config/validate.ts';
import { UserError } from '../errors.ts';
import { type PlanChange, planRun } from './plan-changes.ts';
import type { RunSettings } from './run-settings.ts';

/** The new length of a run that goes on. */
export interface NewLength {
  /** Optimizer steps of the whole run; absent: as planned. */
  readonly steps?: number;
  /** Keep the schedules as they were planned, and hold their last values after that; absent: they are planned anew. */
  readonly keepSchedule?: boolean;
}

/**
 * The settings of a run of `done` steps with a new length, and notes on the change; the same settings if nothing
 * changes.
 *
 * @throws UserError for fewer steps than are done, and for a schedule that contradicts the one of an earlier change.
 */
export function changeLength(
  settings: RunSettings,
  { steps, keepSchedule = false }: NewLength,
  done: number,
): { readonly settings: RunSettings; readonly notes: readonly string[] } {
  const { train, planChanges = [] } = settings;
  if (steps === undefined || steps === train.steps) {
    refuseOtherSchedule(planChanges, steps, keepSchedule);
    return { settings, notes: [] };
  }
  if (steps < done) {
    throw new UserError(
      `resume: the run has done ${done} steps already, and ${steps} were asked for; ask for ${done} or more (--steps ${done})`,
    );
  }
  const change: PlanChange = {
    atStep: done,
    from: train.steps,
    to: steps,
    schedule: keepSchedule ? 'kept' : 'extended',
  };
  const changed: RunSettings = {
    ...settings,
    train: validateTrainConfig({ ...train, steps }, settings.model),
    planChanges: [...planChanges, change],
  };
  return { settings: changed, notes: [describeChange(settings, changed, change)] };
}

/**
 * Throws a `UserError` if the number of steps stays as it is and `keepSchedule` asks for another schedule than the run
 * has.
 */
function refuseOtherSchedule(changes: readonly PlanChange[], steps: number | undefined, keepSchedule: boolean): void {
  if (!keepSchedule) return;
  if (steps === undefined) {
    throw new UserError(
      'resume: keepSchedule says what becomes of the schedules of a longer run; give steps (--steps N) as well',
    );
  }
  const last = changes.at(-1);
  if (last === undefined || last.schedule === 'kept') return;
  throw new UserError(
    `resume: the run was made to end at step ${last.to} with its schedules laid anew, at step ${last.atStep}; ` +
      'leave out keepSchedule (--keep-schedule) to carry on',
  );
}

function describeChange(before: RunSettings, after: RunSettings, { atStep, from, to, schedule }: PlanChange): string {
  const rate = ({ train, planChanges }: RunSettings, step: number) =>
    planRun(train, planChanges)[step]?.learningRate.toPrecision(3);
  const last = rate(before, atStep - 1);
  const next = rate(after, atStep);
  const was = last === undefined ? '' : `was ${last} in step ${atStep}`;
  const becomes = next === undefined ? '' : `is ${next} in step ${atStep + 1}`;
  const rates = [was, becomes].filter((part) => part !== '').join(' and ');
  const what =
    schedule === 'extended'
      ? `learning rate and the other schedules are laid anew over ${to} steps`
      : `learning rate and the other schedules stay those of ${from} steps, and their last values go on`;
  return `The run now ends at step ${to} instead of ${from}: ${what}${rates === '' ? '' : `; the learning rate ${rates}`}.`;
}
