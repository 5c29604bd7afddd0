// Where numbers come from and where they go: a results file says on which machine, with which Node, and when.

import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, totalmem } from 'node:os';
import { join } from 'node:path';

/** What a number depends on besides the program. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  /** Flags of this process, those of NODE_OPTIONS included. */
  readonly flags: readonly string[];
}

export function describeMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.versions.node,
    v8: process.versions.v8,
    flags: [...process.execArgv, ...(process.env.NODE_OPTIONS?.split(/\s+/).filter((flag) => flag !== '') ?? [])],
  };
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');

/** Writes `bench/results/<date>-<machine>-<name>.json` and returns its path; a second run of a day replaces the first. */
export function writeResults(name: string, results: object): string {
  const machine = describeMachine();
  const date = new Date();
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const file = `${date.toISOString().slice(0, 10)}-${slug(machine.processor)}-${machine.cores}-cores-${name}.json`;
  const path = join(folder, file);
  writeFileSync(path, `${JSON.stringify({ date: date.toISOString(), machine, ...results }, null, 2)}\n`);
  return path;
}
