// Starts the built command as a user would, and collects what it prints.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, vi } from 'vitest';
import { holdingAt } from './hold.ts';

const main = resolve(import.meta.dirname, '../../dist/cli/main.js');

export interface CliResult {
  /** Null if a signal ended the process. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Standard input; empty unless given. */
  readonly input?: string;
  /** Makes the command take its outputs for terminals with lines of so many cells. */
  readonly columns?: number;
}

/** A folder in which a command runs, and the path in it of a file or folder at which it holds still once it is there. */
export interface HoldOptions {
  readonly cwd: string;
  readonly at: string;
}

export interface RunningCli {
  readonly child: ChildProcess;
  /** What came on standard error so far. */
  stderr(): string;
  /** Waits until standard error has the text; fails if the process ends without it. */
  until(text: string): Promise<void>;
  readonly result: Promise<CliResult>;
}

export interface HeldCli extends RunningCli {
  /** Lets it go on. */
  release(): void;
}

function environment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { DEBUG: _debug, NO_COLOR: _noColor, FORCE_COLOR: _forceColor, npm_command: _npm, ...inherited } = process.env;
  return { ...inherited, ...extra };
}

function asTerminal(columns: number): NodeJS.ProcessEnv {
  const script = `for(const s of[process.stdout,process.stderr])Object.assign(s,{isTTY:true,columns:${columns}})`;
  return { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(script)}` };
}

/** Starts the command without waiting for its end. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd,
    env: environment({ ...(options.columns === undefined ? {} : asTerminal(options.columns)), ...options.env }),
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  // A command that reads no input may be gone before it is written.
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  const result = new Promise<CliResult>((done, failed) => {
    child.on('error', failed);
    child.on('close', (code) => done({ code, stdout, stderr }));
  });
  const until = (text: string) =>
    new Promise<void>((done, failed) => {
      const look = () => stderr.includes(text) && done();
      child.stderr.on('data', look);
      child.on('close', () => failed(new Error(`ended without printing ${JSON.stringify(text)}:\n${stderr}`)));
      look();
    });
  return { child, stderr: () => stderr, until, result };
}

/** Starts the command and waits until it holds still. */
export async function startHeld(args: readonly string[], { cwd, at }: HoldOptions): Promise<HeldCli> {
  const file = join(cwd, 'hold');
  writeFileSync(file, '');
  const cli = startCli(args, { cwd, env: holdingAt(at, file) });
  let hasEnded = false;
  void cli.result.finally(() => (hasEnded = true));
  await vi.waitUntil(() => hasEnded || existsSync(join(cwd, at)), { timeout: 300_000, interval: 10 });
  if (hasEnded) throw new Error(`it did not hold still at ${at}:\n${cli.stderr()}`);
  return { ...cli, release: () => rmSync(file) };
}

/** Runs the command to its end. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result;
}

/** A temporary folder for the tests of one file, with the token cache in it, removed after them. */
export function temporaryFolder(): { readonly path: string; file(name: string): string } {
  let path = '';
  beforeAll(() => {
    path = mkdtempSync(join(tmpdir(), 'tinyseek-cli-'));
    process.env.TINYSEEK_CACHE = join(path, 'cache');
  });
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
    file: (name) => join(path, name),
  };
}
