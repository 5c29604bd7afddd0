// The options that choose settings, shared by `train`, `params` and `bench step`, as the configuration resolver wants
// them.

import { basename, extname, join } from 'node:path';
import { presetNames } from '../config/presets.ts';
import { UserError } from '../errors.ts';
import { collect, specHelp } from './common-options.ts';
import type { OptionsOf } from './declared-types.ts';
import { readingFlags } from './reading-options.ts';

export const modelOptions = [
  {
    flags: '--preset <name>',
    help: `settings to start from: ${presetNames.join(', ')} (default: tiny)`,
  },
  { flags: '--config <file>', help: 'YAML file of settings, on top of the preset' },
  { flags: '--set <key=value>', help: 'change one setting; can be repeated', parse: collect },
] as const;

export const precisionOption = {
  flags: '--precision <name>',
  help: 'float32, or fp8: products of 8-bit numbers, emulated',
} as const;

/** Those of a model, and the shorthands for `--set` that a run has. */
export const runOptions = [
  ...modelOptions,
  { flags: '--data <spec>', help: specHelp },
  ...readingFlags,
  { flags: '--steps <n>', help: 'optimizer steps of the whole run' },
  { flags: '--batch-size <n>', help: 'sequences per step' },
  { flags: '--seq-len <n>', help: 'tokens per sequence' },
  { flags: '--seed <n>', help: 'seed of the weights and of the data order' },
  precisionOption,
] as const;

export type ModelOptions = OptionsOf<typeof modelOptions>;
export type RunOptions = OptionsOf<typeof runOptions>;

/** The value of an option that counts something, which there must be at least one of. */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value;
  throw new UserError(`${option}: expected a whole number from 1 on, found ${JSON.stringify(text)}`);
}

const shorthands = [
  'data',
  'textKey',
  'documentSeparator',
  'steps',
  'batchSize',
  'seqLen',
  'seed',
  'precision',
] as const;

/** `--set` and the shorthands (`--steps 7` is `--set steps=7`), the shorthands last because they are more specific. */
export function settings(options: RunOptions): readonly string[] {
  const { separator: documentSeparator, ...others } = options;
  const values = { ...others, documentSeparator };
  const given = shorthands.flatMap((key) => (values[key] === undefined ? [] : [`${key}=${values[key]}`]));
  return [...(options.set ?? []), ...given];
}

function slug(text: string): string {
  return text
    .replace(/[^\w.-]+/g, '-')
    .replace(/^[-.]+|-+$/g, '')
    .slice(0, 40);
}

function timestamp(time: Date): string {
  const local = new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString();
  return local.slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
}

/** `runs/<preset>-<data>-<time>`, in local time; a file or folder given as data is named by its last part. */
export function defaultRunDir(options: ModelOptions, data: string, time = new Date()): string {
  const { preset, config } = options;
  const start = preset ?? (config === undefined ? 'tiny' : basename(config, extname(config)));
  const corpora = data.split(',').map((part) => basename(part));
  return join('runs', [slug(start), slug(corpora.join('-')), timestamp(time)].filter((part) => part !== '').join('-'));
}
