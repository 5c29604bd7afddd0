// The settings that were given together with `--resume`, for the trainer to compare with those of the run.

import { resolveRunConfig } from '../config/resolve.ts';
import { folderStore } from '../runs/folder-store.ts';
import { parseRunSettings, type SettingsOverrides } from '../train/run-settings.ts';
import { readConfigFile, resolveOptions } from './config-file.ts';
import { settings, type TrainOptions } from './run-options.ts';

/**
 * With a preset, every setting it stands for is meant, except what the tokenizer decides; without one, only what the
 * file and the options name.
 */
export async function resumeOverrides(options: TrainOptions, runDir: string): Promise<SettingsOverrides> {
  if (options.preset !== undefined) {
    const { model, train } = resolveOptions(options);
    const { vocabSize: _size, bosTokenId: _bos, eosTokenId: _eos, ...shape } = model;
    return { model: shape, train };
  }
  const run = parseRunSettings(await folderStore(runDir).readSettings(), runDir);
  const file = options.config === undefined ? {} : readConfigFile(options.config);
  return resolveRunConfig({ file: { ...run.model, ...run.train, ...file }, set: settings(options) });
}
