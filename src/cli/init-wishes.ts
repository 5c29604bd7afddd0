// What was asked for together with `--init`: shape and tokenizer are the folder's and need not be named; what is named
// has to agree.

import { fromHuggingFaceConfig } from '../config/huggingface.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { modelPreset } from '../config/presets.ts';
import { namedSettings, resolveRunConfig } from '../config/resolve.ts';
import { configFile } from '../io/file-names.ts';
import { readJsonFile } from '../io/json-file.ts';
import { chooseCheckpoint } from '../io/read-checkpoint.ts';
import type { FromModel } from '../train/start-run.ts';
import { readConfigFile } from './config-file.ts';
import { type RunOptions, settings } from './run-options.ts';

/**
 * With a preset, all of its shape is meant; without one, only the keys that the file and the options name. Training
 * settings are complete either way: those of the preset, or of `tiny`, and what is named.
 */
export function initWishes(options: RunOptions, init: string): Required<Pick<FromModel, 'model' | 'train'>> {
  const file = options.config === undefined ? {} : readConfigFile(options.config);
  const named = namedSettings({ file, set: settings(options) });
  const own = shapeOf(init);
  const { model, train, preset } = resolveRunConfig({
    ...(options.preset === undefined ? {} : { preset: options.preset }),
    file: { ...own, ...file },
    set: settings(options),
  });
  const isPresetNamed = options.preset !== undefined || named.has('preset');
  const { tokenizer, ...others } = train;
  return {
    model: { ...(isPresetNamed ? modelPreset(preset) : {}), ...pick(model, named) },
    train: named.has('tokenizer') ? { ...others, tokenizer } : others,
  };
}

/** What `config.json` says, so that settings are checked against it and not against a preset. */
export function shapeOf(init: string): ModelConfig {
  const { path } = chooseCheckpoint(init);
  return fromHuggingFaceConfig(readJsonFile(path, configFile, 'init'));
}

function pick(model: ModelConfig, keys: ReadonlyMap<string, unknown>): Partial<ModelConfig> {
  return Object.fromEntries(Object.entries(model).filter(([key]) => keys.has(key)));
}
