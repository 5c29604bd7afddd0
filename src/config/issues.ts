// How a complaint about a configuration reads: `config: kvLoraRank (-3) must be an integer of at least 1; try 32`.

import { closest } from 'fastest-levenshtein';
import type * as z from 'zod';

/** Where a configuration came from, and how its keys are spelled there. */
export interface ConfigSource {
  readonly where: string;
  readonly keyName: (key: string) => string;
  /**
   * What to do about a wrong value, in place of other values: another value in the file of a model that was trained
   * elsewhere would be another model.
   */
  readonly remedy?: string;
}

/** A run configuration: a preset, a YAML file, `--set`. */
export const runConfigSource: ConfigSource = { where: 'config', keyName: (key) => key };

/** A value as it stands in an error message; objects and arrays, which may be large or circular, are only hinted at. */
export function showValue(value: unknown): string {
  if (Array.isArray(value)) return '[...]';
  if (typeof value === 'object' && value !== null) return '{...}';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** Whether a value is an object with keys, as opposed to null, an array or a scalar. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Own property `key` of a value that may not be an object at all. */
function property(value: unknown, key: PropertyKey): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[String(key)] : undefined;
}

/**
 * One sentence for each thing that zod found wrong with `input`.
 *
 * `example` is a valid record of the same keys: what it has at the place of the problem is the fix that is offered.
 * The messages of the schemas complete "must be ...", see `schema.ts`.
 */
export function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  example: object,
  source: ConfigSource,
): string[] {
  return issues.flatMap((issue) => {
    const at = <T>(root: T) => issue.path.reduce<unknown>(property, root);
    const place = issue.path.map((key) => source.keyName(String(key))).join('.');
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, place, at(example), source));
    if (place === '') return [`${source.where}: ${showValue(input)} must be ${issue.message}`];
    const hint = source.remedy === undefined ? offer(at(example)) : `; ${source.remedy}`;
    const found = at(input);
    if (found === undefined) return [`${source.where}: ${place} is missing: expected ${issue.message}${hint}`];
    return [`${source.where}: ${place} (${showValue(found)}) must be ${issue.message}${hint}`];
  });
}

/** `; try 32`, or nothing where one value does not make the fix. */
function offer(fix: unknown): string {
  return fix === undefined || isRecord(fix) ? '' : `; try ${showValue(fix)}`;
}

function unknownKey(key: string, place: string, example: unknown, source: ConfigSource): string {
  const known = isRecord(example) ? Object.keys(example) : [];
  const isElsewhere = known.includes(key); // a key of YaRN in position interpolation
  const nearest = known.length === 0 ? '' : `; did you mean ${source.keyName(closest(key, known))}?`;
  const hint = isElsewhere ? '; leave it out' : nearest;
  return `${source.where}: ${place === '' ? '' : `${place} has an `}unknown key ${showValue(key)}${hint}`;
}
