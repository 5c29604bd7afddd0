// How a run follows changes of its settings, before each step.

import type { TrainConfig } from '../config/train-config.ts';
import { UserError } from '../errors.ts';
import type { Learner } from './learner.ts';
import { changeSettings, type LiveSettings, planOf, settingsAt } from './live-settings.ts';
import type { Run } from './run.ts';

/** Records what was asked for since the last step, and returns the training settings of the step that follows. */
export async function followChanges(run: Run): Promise<TrainConfig> {
  const wanted = run.live?.take() ?? {};
  if (Object.keys(wanted).length > 0) await makeChange(run, wanted);
  if (run.settings.liveChanges === undefined) return run.settings.train;
  const { model, train } = settingsAt(run.settings, run.state.step);
  limitGroups(run.learner, model.topkGroup);
  return train;
}

async function makeChange(run: Run, wanted: LiveSettings): Promise<void> {
  const { step } = run.state;
  try {
    const settings = changeSettings(run.settings, wanted, step);
    if (settings === run.settings) return;
    run.settings = settings;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    await run.emit({ type: 'warning', message: `The settings stay as they were: ${error.message}` });
    return;
  }
  run.plan = planOf(run.settings);
  run.state = { ...run.state, model: { ...run.settings.model }, train: { ...run.settings.train } };
  await run.store.writeSettings(run.settings);
  await run.emit({ type: 'change', step, settings: run.settings.liveChanges!.at(-1)!.to });
}

/** Passes that were recorded with another limit are forgotten. */
export function limitGroups({ model, passes }: Learner, topkGroup: number): void {
  if (topkGroup === model.config.topkGroup) return;
  model.limitGroups(topkGroup);
  passes.dispose();
}
