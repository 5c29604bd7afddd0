// From what a person asked for (a preset, a file, `--set key=value`) to complete, checked settings.

import { closest } from 'fastest-levenshtein';
import * as z from 'zod';
import { UserError } from '../errors.ts';
import { isRecord, showValue } from './issues.ts';
import type { ModelConfig } from './model-config.ts';
import { modelPreset, type PresetName, parsePresetName, trainPreset } from './presets.ts';
import { modelConfigSchema, runConfigSchema, trainConfigSchema } from './schema.ts';
import type { TrainConfig } from './train-config.ts';
import { validateModelConfig, validateTrainConfig } from './validate.ts';

/** What a person asked for; later ones win: preset, then file, then set. */
export interface RunConfigRequest {
  readonly preset?: string;
  /** A parsed YAML or JSON file: one flat record of model and training keys, with or without `preset`. */
  readonly file?: Readonly<Record<string, unknown>>;
  /** `key=value` pairs, in order. */
  readonly set?: readonly string[];
}

/** The complete settings of a run, checked. `vocabSize` is a guess until there is a tokenizer, see `withVocabulary`. */
export interface RunConfig {
  readonly preset: PresetName;
  readonly model: ModelConfig;
  readonly train: TrainConfig;
}

const knownKeys = Object.keys(runConfigSchema.shape);
const textKeys: ReadonlySet<string> = new Set(
  Object.entries(trainConfigSchema.shape)
    .filter(([, schema]) => schema instanceof z.ZodString)
    .map(([key]) => key),
);

/** Whether a setting is a text, which is taken as it is written; the key may be camelCase, kebab-case or snake_case. */
export function isTextSetting(key: string): boolean {
  return textKeys.has(camelCase(key));
}

/** `kv-lora-rank` and `kv_lora_rank` are `kvLoraRank`. */
function camelCase(key: string): string {
  return key.replace(/[-_]([a-zA-Z0-9])/g, (_match, letter: string) => letter.toUpperCase());
}

function parseKey(key: string, where: string): string {
  const name = camelCase(key);
  if (knownKeys.includes(name)) return name;
  throw new UserError(`${where}: unknown key ${showValue(key)}; did you mean ${closest(name, knownKeys)}?`);
}

/** The keys inside a nested record are camel-cased as well; zod judges them. */
function camelCaseNested(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [camelCase(key), inner]));
}

/** JSON if it is JSON, else the text itself; keys that hold a text always take it literally (`data=1984`). */
function parseValue(key: string, value: string): unknown {
  if (textKeys.has(key)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function parseAssignment(assignment: string): [string, unknown] {
  const equals = assignment.indexOf('=');
  if (equals < 1) {
    throw new UserError(`--set: expected key=value, found ${showValue(assignment)}; try --set kvLoraRank=48`);
  }
  const key = parseKey(assignment.slice(0, equals).trim(), '--set');
  const value = assignment.slice(equals + 1);
  return [key, camelCaseNested(parseValue(key, key === 'documentSeparator' ? value : value.trim()))];
}

const flags: ReadonlyMap<string, boolean> = new Map([
  ['yes', true],
  ['on', true],
  ['no', false],
  ['off', false],
]);

/** What YAML 1.1 and quotes make of numbers and flags (`yes`, `1_000`, `"500"`), where the key takes one of those. */
function asSchemaWants(key: string, value: unknown): unknown {
  const schema = runConfigSchema.shape[key as keyof typeof runConfigSchema.shape];
  if (typeof value !== 'string' || schema.safeParse(value).success) return value;
  const number = value.trim() === '' ? Number.NaN : Number(value.replaceAll('_', ''));
  const meant = [number, flags.get(value.toLowerCase())];
  return meant.find((candidate) => candidate !== undefined && schema.safeParse(candidate).success) ?? value;
}

function parseFile(file: Readonly<Record<string, unknown>>): [string, unknown][] {
  return Object.entries(file).map(([key, value]) => {
    const name = parseKey(key, 'config file');
    return [name, asSchemaWants(name, camelCaseNested(value))];
  });
}

function choosePreset(request: RunConfigRequest, fromFile: unknown, fromSet: unknown): PresetName {
  const name = fromSet ?? request.preset ?? fromFile ?? 'tiny';
  if (typeof name === 'string') return parsePresetName(name);
  throw new UserError(`config: preset (${showValue(name)}) must be the name of a preset; try tiny`);
}

/** The part of the changes whose keys `schema` has, on top of `preset`. */
function overlay(preset: object, changes: ReadonlyMap<string, unknown>, schema: z.ZodObject): Record<string, unknown> {
  return { ...preset, ...Object.fromEntries([...changes].filter(([key]) => Object.hasOwn(schema.shape, key))) };
}

/**
 * What a file and `--set` pairs name, `preset` included, by key; later ones win. See `resolveRunConfig` for the errors.
 */
export function namedSettings({ file = {}, set = [] }: RunConfigRequest): ReadonlyMap<string, unknown> {
  return new Map([...parseFile(file), ...set.map(parseAssignment)]);
}

/**
 * Complete, checked settings from a preset (default `tiny`), a file and `--set` pairs, later ones winning.
 *
 * Keys may be camelCase, kebab-case or snake_case. Unknown names are a `UserError` with the nearest known one, and so
 * are values that cannot be, see `validate.ts`.
 */
export function resolveRunConfig(request: RunConfigRequest): RunConfig {
  const file = new Map(parseFile(request.file ?? {}));
  const set = new Map((request.set ?? []).map(parseAssignment));
  const preset = choosePreset(request, file.get('preset'), set.get('preset'));
  const changes = namedSettings(request);
  const model = validateModelConfig(overlay(modelPreset(preset), changes, modelConfigSchema));
  const train = validateTrainConfig(overlay(trainPreset(preset), changes, trainConfigSchema), model);
  return { preset, model, train };
}
