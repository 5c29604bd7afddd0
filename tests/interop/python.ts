// The Python with Hugging Face's libraries, if this machine has one: TINYSEEK_PYTHON, a virtual environment `.venv` in
// the checkout, or `python3`.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

function canImport(python: string): boolean {
  const modules = 'import torch, transformers, safetensors, tokenizers';
  return spawnSync(python, ['-c', modules], { stdio: 'ignore' }).status === 0;
}

function findPython(): string | null {
  const given = process.env.TINYSEEK_PYTHON;
  if (given !== undefined && given !== '') {
    if (canImport(given)) return given;
    throw new Error(`TINYSEEK_PYTHON=${given} cannot import torch, transformers, safetensors and tokenizers`);
  }
  const virtual = resolve(root, '.venv/bin/python');
  return [...(existsSync(virtual) ? [virtual] : []), 'python3'].find(canImport) ?? null;
}

/** Its path; null, with a warning nobody overlooks, if there is none. */
export function pythonWithTransformers(): string | null {
  const python = findPython();
  if (python === null) {
    console.warn(
      '!! NO PYTHON WITH TRANSFORMERS: the checks against the real loaders are SKIPPED. Set TINYSEEK_PYTHON to one, or:\n' +
        '!!   python3 -m venv .venv && .venv/bin/pip install torch transformers safetensors tokenizers',
    );
  }
  return python;
}

/** Runs a script of this folder; what it prints on standard error is in the message if it fails. */
export function runPython(python: string, script: string, args: readonly string[]): string {
  const env = { ...process.env, HF_HUB_OFFLINE: '1', TRANSFORMERS_OFFLINE: '1' };
  const command = [resolve(import.meta.dirname, script), ...args];
  const { status, stdout, stderr } = spawnSync(python, command, { encoding: 'utf8', env, maxBuffer: 1 << 26 });
  if (status !== 0) throw new Error(`${script} ended with ${status}:\n${stderr.slice(-4000)}`);
  return stdout;
}
