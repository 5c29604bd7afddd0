// Who takes part in the comparison, how each is started, and which lead over it is asked for.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CommandLine, tinyseek } from './child.ts';

export const sizes = ['s', 'a', 'b'] as const;
export type Size = (typeof sizes)[number];

export interface Contender {
  readonly name: string;
  readonly command: (size: Size) => CommandLine;
  /** How many times faster than this one tinyseek has to be; null where that is for information only. */
  readonly bar: Readonly<Record<Size, number>> | null;
  /** Takes part in the first round and at this size only: it is far behind, and takes minutes at others. */
  readonly onceAt?: Size;
}

export const threads = 2;

export const ours: Contender = {
  name: 'tinyseek',
  command: (size) =>
    tinyseek('bench', 'step', '--preset', `peer-${size}`, '--backend', 'engine', '--threads', `${threads}`),
  bar: null,
};

const stock: readonly Contender[] = [
  {
    name: 'TF.js wasm',
    command: (size) => tinyseek('bench', 'step', '--preset', `peer-${size}`, '--backend', 'wasm'),
    bar: { s: 6, a: 6, b: 6 },
  },
  {
    name: 'TF.js cpu',
    command: (size) => tinyseek('bench', 'step', '--preset', `peer-${size}`, '--backend', 'cpu', '--steps', '1'),
    bar: null,
    onceAt: 's',
  },
];

/** The lead over the lean model is asked of whichever form of it is faster. */
const leanBar = { s: 2.5, a: 1.5, b: 1.3 };

/** Names of the forms of the lean model. */
export const leanNames: readonly string[] = ['PyTorch lean', 'PyTorch lean, compiled'];

function pytorch(python: string): readonly Contender[] {
  const script = (name: string, ...more: string[]) => {
    const path = join(import.meta.dirname, name);
    return (size: Size): CommandLine => [python, path, '--size', size, '--threads', `${threads}`, ...more];
  };
  return [
    { name: 'transformers', command: script('pytorch_peer.py'), bar: { s: 3, a: 2, b: 1.8 } },
    { name: leanNames[0]!, command: script('pytorch_lean.py'), bar: leanBar },
    { name: leanNames[1]!, command: script('pytorch_lean.py', '--compile'), bar: leanBar },
  ];
}

/** A Python that has torch and transformers: TINYSEEK_PYTHON, else `.venv/bin/python`, else `python3`. */
export function findPython(): string | null {
  const candidates = [process.env.TINYSEEK_PYTHON, join(import.meta.dirname, '../.venv/bin/python'), 'python3'];
  const usable = (python: string) =>
    (!python.includes('/') || existsSync(python)) &&
    spawnSync(python, ['-c', 'import torch, transformers'], { stdio: 'ignore' }).status === 0;
  return candidates.find((python) => python !== undefined && usable(python)) ?? null;
}

/** All of them; without a Python those that need none. */
export function contenders(python: string | null): readonly Contender[] {
  return [ours, ...(python === null ? [] : pytorch(python)), ...stock];
}
