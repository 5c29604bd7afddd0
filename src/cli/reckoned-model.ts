// The options that choose a model which is only reckoned with: the report's, unless another is named.

import { presetNames } from '../config/presets.ts';
import { modelOptions } from './run-options.ts';

export const presetOption = {
  flags: '--preset <name>',
  help: `settings to start from: ${presetNames.join(', ')}`,
  default: 'deepseek-v3',
} as const;

/** Those of `modelOptions` that change a preset. */
export const settingOptions = [modelOptions[1], modelOptions[2]] as const;
