// The plan of a run whose number of steps was changed after it had begun.
//
// A plan stays a pure function of what `run.json` says, the changes included, so that a run that is resumed from a
// checkpoint before a change takes the same steps again.

import type { TrainConfig } from '../config/train-config.ts';
import { layPlan, type StepPlan, withProgress } from './schedules.ts';

/** A change of the planned number of steps. */
export interface PlanChange {
  /** Optimizer steps done when it was made. */
  readonly atStep: number;
  /** Planned steps before and after. */
  readonly from: number;
  readonly to: number;
  /**
   * Learning rate, batch size, bias speed and MTP weight after the change. `extended`: from `atStep` on they follow the
   * schedules of a run of `to` steps. `kept`: they stay as planned for `from` steps, and their last values hold after
   * that.
   */
  readonly schedule: 'extended' | 'kept';
}

/** All steps of a run in order; the steps before a change stay as they were planned at the time. */
export function planRun(train: TrainConfig, changes: readonly PlanChange[] = []): StepPlan[] {
  const first = layPlan({ ...train, steps: changes[0]?.from ?? train.steps }, []);
  return changes.reduce((plan, change) => changePlan(plan, change, train), first);
}

function changePlan(plan: readonly StepPlan[], { atStep, to, schedule }: PlanChange, train: TrainConfig): StepPlan[] {
  if (schedule === 'extended') return layPlan({ ...train, steps: to }, plan.slice(0, atStep));
  const kept = plan.slice(0, to);
  for (let last = kept.at(-1); last !== undefined && kept.length < to; last = kept.at(-1)) {
    kept.push({ ...last, step: kept.length, firstSample: last.firstSample + last.batchSize });
  }
  return withProgress(kept);
}
