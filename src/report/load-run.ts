// Reads a run folder: `run.json`, `metrics.jsonl`, `samples.jsonl`.
//
// A run may still be going on or may have been killed, so a torn last line is expected. A run that was resumed from an
// older checkpoint repeats steps; the later writing of a step counts. Files are read line by line: those of a long run
// do not fit into one string.

import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { readLines } from '../io/jsonl.ts';
import { fileInside, hasFile } from '../io/inside-folder.ts';
import { readRegularFile } from '../io/regular-file.ts';
import type { MetricsLine } from '../train/events.ts';
import type { RunSettings } from '../train/run-settings.ts';
import { readEvaluations } from './evaluations.ts';
import type { RunData, Sample } from './run-data.ts';
import { ThinnedLines } from './thinned-lines.ts';

/**
 * Reads the run that a training run left in folder `dir`; missing metrics or samples are empty.
 *
 * @throws UserError when `dir` is not a run folder, when its files are of a newer format, or when a line before the
 * last is not a metrics line.
 */
export function loadRun(dir: string): RunData {
  const settings = readSettings(dir);
  const evaluations = readEvaluations(dir);
  return {
    name: settings.name,
    settings,
    metrics: dropRepeated(readMetrics(join(dir, 'metrics.jsonl'))),
    samples: dropRepeated([...readRecords(join(dir, 'samples.jsonl'), toSample)]),
    ...(evaluations.length === 0 ? {} : { evaluations }),
  };
}

function readSettings(dir: string): RunSettings {
  const path = join(dir, 'run.json');
  const text = readOptional(dir, 'run.json');
  if (text === null) {
    throw new UserError(`report: ${dir} is not a run folder (it has no run.json); give the folder of a training run`);
  }
  const value = parseJson(text);
  if (!isRecord(value))
    throw new UserError(`${path}: expected a JSON object; the file is damaged, restore or delete it`);
  if (value.format !== 1) {
    const found = JSON.stringify(value.format) ?? 'none';
    throw new UserError(`${path}: expected format 1, found ${found}; update tinyseek to read this run`);
  }
  if (!isSettings(value)) {
    throw new UserError(
      `${path}: expected the settings of a run, but ${missingKey(value)} is missing or of another type`,
    );
  }
  return value;
}

const settingsTypes: Readonly<Record<string, 'string' | 'number' | 'object'>> = {
  name: 'string',
  model: 'object',
  train: 'object',
  backend: 'string',
  createdAt: 'string',
  version: 'string',
  parameters: 'number',
  activeParameters: 'number',
  brotliBitsPerByte: 'number',
};

/** Brotli is asked for text that can be had, and under Node only. */
const mayBeNull: ReadonlySet<string> = new Set(['brotliBitsPerByte']);

/**
 * The keys of the model and the training settings that the report does arithmetic with; the others are only printed.
 */
const numbers = {
  model: [
    'numHiddenLayers',
    'firstKDenseReplace',
    'numNextnPredictLayers',
    'hiddenSize',
    'kvLoraRank',
    'nRoutedExperts',
    'numExpertsPerTok',
  ],
  train: ['steps', 'batchSize', 'seqLen', 'maxGradNorm'],
} as const;

function missingKey(value: Readonly<Record<string, unknown>>): string | null {
  const top = Object.entries(settingsTypes).find(([key, type]) => {
    return !isType(value[key], type) && !(value[key] === null && mayBeNull.has(key));
  });
  if (top) return top[0];
  for (const part of ['model', 'train'] as const) {
    const inner = value[part];
    const missing = numbers[part].find((key) => !isRecord(inner) || !isAmount(inner[key]));
    if (missing) return `${part}.${missing}`;
    const nested = Object.entries(isRecord(inner) ? inner : {}).find(([key, found]) => !isSetting(key, found));
    if (nested) return `${part}.${nested[0]}`;
  }
  return null;
}

function isType(value: unknown, type: string): boolean {
  return type === 'number' ? isAmount(value) : typeof value === type && value !== null;
}

/** What a setting is: a text, a number, a flag or null; that of YaRN is a record of these. */
function isSetting(key: string, value: unknown): boolean {
  if (value === null || typeof value !== 'object') return true;
  return key === 'ropeScaling' && isRecord(value) && Object.entries(value).every((inner) => isSetting(...inner));
}

function isSettings(value: unknown): value is RunSettings {
  return isRecord(value) && missingKey(value) === null;
}

/** Parses one JSON value a line; `convert` returns null for a value that is not what the file should hold. */
function* readRecords<T>(path: string, convert: (value: unknown) => T | null): Generator<T> {
  let number = 0;
  for (const { text, isWhole } of readLines(path)) {
    number++;
    if (text.trim() === '') continue;
    const item = convert(parseJson(text));
    if (item !== null) yield item;
    else if (isWhole) {
      throw new UserError(`${path}:${number}: not a line that a training run writes; delete it and try again`);
    }
  }
}

function readMetrics(path: string): readonly MetricsLine[] {
  const metrics = new ThinnedLines();
  for (const line of readRecords(path, toMetricsLine)) metrics.add(line);
  return metrics.lines;
}

/** When steps go back (a resumed run), what was written before for those steps is dropped. */
function dropRepeated<T extends { readonly step: number }>(lines: readonly T[]): T[] {
  const kept: T[] = [];
  for (const line of lines) {
    const last = kept.at(-1);
    if (last && line.step < last.step) {
      for (let end = kept.at(-1); end !== undefined && end.step >= line.step; end = kept.at(-1)) kept.pop();
    }
    kept.push(line);
  }
  return kept;
}

/** Keeps the finite values: JSON writes NaN and Infinity as null, and a diverged run has those. */
function toMetricsLine(value: unknown): MetricsLine | null {
  if (!isRecord(value)) return null;
  const { step, tokens, seconds } = value;
  if (!isStep(step) || !isAmount(tokens) || !isAmount(seconds)) return null;
  const values: Record<string, MetricsLine[string]> = {};
  for (const [key, entry] of Object.entries(value)) {
    if (isFloat32(entry) || isVector(entry) || isMatrix(entry)) values[key] = entry;
  }
  return { ...values, step, tokens, seconds };
}

function toSample(value: unknown): Sample | null {
  if (!isRecord(value)) return null;
  const { step, prompt, text } = value;
  if (!isStep(step) || typeof prompt !== 'string' || typeof text !== 'string') return null;
  return { step, prompt, text };
}

/** The largest float32: no run writes more, and sums of such numbers stay finite. */
const maxFloat32 = 2 ** 128;

function isFloat32(value: unknown): value is number {
  return typeof value === 'number' && Math.abs(value) <= maxFloat32;
}

/** A number of something, such as layers or tokens. */
function isAmount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isStep(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isVector(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isFloat32);
}

function isMatrix(value: unknown): value is number[][] {
  return Array.isArray(value) && value.every(isVector);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The most that one text can hold. */
const maxBytes = 512 << 20;

function readOptional(dir: string, name: string): string | null {
  if (!hasFile(dir, name)) return null;
  return readRegularFile(fileInside(dir, name, 'report'), 'report: cannot read', maxBytes).toString('utf8');
}
