// Settings of a run that are changed while it goes on: how experts are balanced, and how many groups a token may visit.
//
// `run.json` records each change with the step at which it was made, and the settings of a step are a pure function of
// that, so a run that is resumed from a checkpoint before a change takes the same steps again.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateModelConfig, validateTrainConfig } from '../config/validate.ts';
import { planRun } from './plan-changes.ts';
import type { RunSettings } from './run-settings.ts';
import type { StepPlan } from './schedules.ts';

/**
 * What can be changed between two steps. With `balancing` other than `bias` the balancing bias stays as it is, and goes
 * on steering the selection.
 */
export type LiveSettings = Partial<
  Pick<TrainConfig, 'balancing' | 'expertBiasUpdateSpeed' | 'balanceLossFactor'> & Pick<ModelConfig, 'topkGroup'>
>;

/** A change that was made. */
export interface LiveChange {
  /** Optimizer steps done when it was made. */
  readonly atStep: number;
  /** The settings that were changed, before and after. */
  readonly from: LiveSettings;
  readonly to: LiveSettings;
}

/** Changes settings of a training run while it goes on. Give it to `train` or `resumeRun` as their option `live`. */
export class SettingsController {
  #wanted: LiveSettings = {};

  /** The settings act from the next step on. Invalid ones are refused with a `warning`, and the run goes on. */
  change(settings: LiveSettings): void {
    this.#wanted = { ...this.#wanted, ...settings };
  }

  /** What was asked for since the last call. */
  take(): LiveSettings {
    const wanted = this.#wanted;
    this.#wanted = {};
    return wanted;
  }
}

type Settings = Pick<RunSettings, 'model' | 'train'>;

/** The settings of the step that follows `done` steps; `run.json` holds those of the last one. */
export function settingsAt({ model, train, liveChanges = [] }: RunSettings, done: number): Settings {
  const later = liveChanges.filter(({ atStep }) => atStep > done).toReversed();
  return later.reduce((settings, { from }) => withLive(settings, from), { model, train });
}

/**
 * The settings of a run that is changed after `done` steps; recorded changes of later steps, which a resumed run has
 * not come to yet, are dropped. The same settings if nothing changes.
 *
 * @throws {UserError} for invalid settings
 */
export function changeSettings(settings: RunSettings, wanted: LiveSettings, done: number): RunSettings {
  const now = settingsAt(settings, done);
  const values: Readonly<Record<string, unknown>> = { ...now.model, ...now.train };
  const news = Object.entries(wanted).filter(([key, value]) => value !== undefined && value !== values[key]);
  if (news.length === 0) return settings;
  const to: LiveSettings = Object.fromEntries(news);
  const from: LiveSettings = Object.fromEntries(news.map(([key]) => [key, values[key]]));
  const { model, train } = withLive(now, to);
  const earlier = (settings.liveChanges ?? []).filter(({ atStep }) => atStep <= done);
  return {
    ...settings,
    model: validateModelConfig(model),
    train: validateTrainConfig(train, model),
    liveChanges: [...earlier, { atStep: done, from, to }],
  };
}

/** The plan of a run, whose bias speed follows the changes; it stays 0 where the schedule has frozen the bias. */
export function planOf(settings: RunSettings): StepPlan[] {
  const { train, planChanges, liveChanges } = settings;
  if (liveChanges === undefined) return planRun(train, planChanges);
  const shares = planRun({ ...train, expertBiasUpdateSpeed: 1 }, planChanges);
  return shares.map((plan) => ({
    ...plan,
    biasSpeed: plan.biasSpeed * settingsAt(settings, plan.step).train.expertBiasUpdateSpeed,
  }));
}

function withLive({ model, train }: Settings, { topkGroup = model.topkGroup, ...rest }: LiveSettings): Settings {
  return { model: { ...model, topkGroup }, train: { ...train, ...rest } };
}
