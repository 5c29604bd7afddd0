// The settings that were given together with `--resume`: those for the trainer to compare with the run's, and its new
// end.

import { namedSettings, resolveRunConfig } from '../config/resolve.ts';
import { folderStore } from '../runs/folder-store.ts';
import type { NewLength } from '../train/go-on-longer.ts';
import { parseRunSettings, type SettingsOverrides } from '../train/run-settings.ts';
import { readConfigFile, resolveOptions } from './config-file.ts';
import { type RunOptions, settings } from './run-options.ts';

/** What a resumed run is asked for. */
export interface ResumeWishes extends NewLength {
  readonly overrides: SettingsOverrides;
}

type ResumeOptions = RunOptions & Pick<NewLength, 'keepSchedule'>;

/**
 * With a preset, every setting it stands for is meant, except what the tokenizer decides; without one, only what the
 * file and the options name. A number of steps that an option names is the new end of the run.
 */
export async function resumeWishes(options: ResumeOptions, runDir: string): Promise<ResumeWishes> {
  const { model, train } = await resolveAgain(options, runDir);
  const { keepSchedule } = options;
  const length = keepSchedule === undefined ? {} : { keepSchedule };
  if (!namesSteps(options)) return { overrides: { model, train }, ...length };
  const { steps, ...others } = train;
  return { overrides: { model, train: others }, ...(steps === undefined ? {} : { steps }), ...length };
}

async function resolveAgain(options: RunOptions, runDir: string): Promise<Required<SettingsOverrides>> {
  if (options.preset !== undefined) {
    const { model, train } = resolveOptions(options);
    const { vocabSize: _size, bosTokenId: _bos, eosTokenId: _eos, ...shape } = model;
    return { model: shape, train };
  }
  const run = parseRunSettings(await folderStore(runDir).readSettings(), runDir);
  const file = options.config === undefined ? {} : readConfigFile(options.config);
  return resolveRunConfig({ file: { ...run.model, ...run.train, ...file }, set: settings(options) });
}

/** Whether `--steps` or `--set steps=N` is among the options. */
function namesSteps(options: RunOptions): boolean {
  return namedSettings({ set: settings(options) }).has('steps');
}
