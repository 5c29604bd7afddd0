// Contenders run as processes of their own, one after the other: a warm heap of one is no advantage to the next.

import { spawn } from 'node:child_process';
import { join } from 'node:path';

/** What every contender prints as one line of JSON. */
export interface StepResult {
  readonly parameters: number;
  readonly msPerStep: number;
  readonly peakMemoryBytes: number;
}

/** A program and its arguments. */
export type CommandLine = readonly [program: string, ...args: string[]];

/** The value of `--rounds`. */
export function parseRounds(text = '3'): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1) return rounds;
  throw new Error(`--rounds: expected a whole number from 1 on, found ${text}`);
}

const main = join(import.meta.dirname, '../dist/cli/main.js');

/** `tinyseek ... --json` of this checkout, as it was built last. */
export function tinyseek(...args: string[]): CommandLine {
  return [process.execPath, main, ...args, '--json'];
}

/** Runs a command to its end and parses the last line it prints; null, with its complaint shown, if it fails. */
export async function runJson<Result>([program, ...args]: CommandLine): Promise<Result | null> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const code = await new Promise<number | null>((done, failed) => {
    child.on('error', failed);
    child.on('close', done);
  });
  if (code === 0) return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Result;
  console.error(
    `!! FAILED (${code}): ${[program, ...args].join(' ')}\n${stderr.trim().split('\n').slice(-5).join('\n')}`,
  );
  return null;
}
