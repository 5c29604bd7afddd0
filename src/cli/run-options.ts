// The options that choose settings, shared by `train` and `params`, as the configuration resolver wants them.

import { basename, extname, join } from 'node:path';
import { UserError } from '../errors.ts';

export interface ModelOptions {
  readonly preset?: string;
  readonly config?: string;
  readonly set?: readonly string[];
}

export interface TrainOptions extends ModelOptions {
  readonly data?: string;
  readonly steps?: string;
  readonly batchSize?: string;
  readonly seqLen?: string;
  readonly seed?: string;
  readonly precision?: string;
  readonly backend?: string;
  readonly threads?: string;
  readonly engineVariant?: string;
  readonly out?: string;
  readonly init?: string;
  readonly resume?: string;
  readonly keepSchedule?: boolean;
}

/** The value of an option that counts something, which there must be at least one of. */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= 1) return value;
  throw new UserError(`${option}: expected a whole number from 1 on, found ${JSON.stringify(text)}`);
}

const shorthands = ['data', 'steps', 'batchSize', 'seqLen', 'seed', 'precision'] as const;

/** `--set` and the shorthands (`--steps 7` is `--set steps=7`), the shorthands last because they are more specific. */
export function settings(options: Partial<TrainOptions>): readonly string[] {
  const given = shorthands.flatMap((key) => (options[key] === undefined ? [] : [`${key}=${options[key]}`]));
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
