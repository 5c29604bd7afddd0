// `evaluations.jsonl` in a run folder: how the model did on tasks, before and after training and whenever it was asked.

import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainFsErrors } from '../io/file-system.ts';
import { fileInside, hasFile } from '../io/inside-folder.ts';
import { isJsonObject, type JsonObject } from '../io/json.ts';
import { readLines } from '../io/jsonl.ts';

const file = 'evaluations.jsonl';

/** An answer to a problem. */
export interface ShownAnswer {
  readonly prompt: string;
  readonly completion: string;
  readonly isRight: boolean;
}

/** A model asked the problems of a task. */
export interface Evaluation {
  readonly task: string;
  /** The optimizer step of the checkpoint. */
  readonly step: number;
  /** The system prompt; empty without one. */
  readonly system: string;
  /** The numbers that were found, by the names that `eval --tasks --json` has. */
  readonly found: Readonly<Record<string, number>>;
  /** 95 % interval of `passAt1` or `accuracyByByte`. */
  readonly interval: readonly number[];
  /** pass@1 by the values of each trait of a problem, and how many problems had it. */
  readonly byTrait: Readonly<Record<string, readonly (readonly [value: string, passAt1: number, problems: number])[]>>;
  /** The first answers. */
  readonly examples: readonly ShownAnswer[];
}

/** What an evaluation found, in the form that is kept. */
export function evaluationOf(task: string, step: number, system: string, result: JsonObject): Evaluation {
  const entries = Object.entries(result);
  return {
    ...{ task, step, system },
    found: Object.fromEntries(entries.flatMap(([key, value]) => (typeof value === 'number' ? [[key, value]] : []))),
    interval: (Array.isArray(result.interval) ? result.interval : []).filter((bound) => typeof bound === 'number'),
    byTrait: traitsOf(result.byTrait),
    examples: examplesOf(result.examples),
  };
}

/** Adds evaluations to those of a run. */
export function keepEvaluations(runDir: string, evaluations: readonly Evaluation[]): void {
  const lines = evaluations.map((evaluation) => `${JSON.stringify(evaluation)}\n`).join('');
  const path = hasFile(runDir, file) ? fileInside(runDir, file, 'eval') : join(runDir, file);
  explainFsErrors('eval: cannot write', path, () => appendFileSync(path, lines));
}

/** The evaluations of a run by step, of those that ask the same only the last; lines that are none are left out. */
export function readEvaluations(runDir: string): Evaluation[] {
  if (!hasFile(runDir, file)) return [];
  const found = new Map<string, Evaluation>();
  for (const { text } of readLines(fileInside(runDir, file, 'report'))) {
    const evaluation = parseEvaluation(text);
    if (evaluation === null) continue;
    const { task, step, system, found: numbers } = evaluation;
    const key = JSON.stringify([task, step, system, numbers.k, numbers.temperature, numbers.problems]);
    found.delete(key);
    found.set(key, evaluation);
  }
  return [...found.values()].sort((a, b) => a.step - b.step);
}

function parseEvaluation(text: string): Evaluation | null {
  let line: unknown;
  try {
    line = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isJsonObject(line) || !isJsonObject(line.found)) return null;
  const { task, step, system, found, interval, byTrait, examples } = line;
  if (typeof task !== 'string' || !Number.isSafeInteger(step) || typeof system !== 'string') return null;
  return evaluationOf(task, Number(step), system, { ...found, interval, byTrait, examples } as JsonObject);
}

function traitsOf(value: unknown): Evaluation['byTrait'] {
  const entries = isJsonObject(value) ? Object.entries(value) : [];
  return Object.fromEntries(
    entries.map(([trait, rows]) => [
      trait,
      (Array.isArray(rows) ? rows : []).flatMap((row): [string, number, number][] => {
        const [name, passAt1, problems] = Array.isArray(row) ? row : [];
        return typeof passAt1 === 'number' && typeof problems === 'number' ? [[String(name), passAt1, problems]] : [];
      }),
    ]),
  );
}

function examplesOf(value: unknown): ShownAnswer[] {
  return (Array.isArray(value) ? value : []).flatMap((one: unknown): ShownAnswer[] => {
    if (!isJsonObject(one) || typeof one.prompt !== 'string' || typeof one.completion !== 'string') return [];
    return [{ prompt: one.prompt, completion: one.completion, isRight: one.isRight === true }];
  });
}
