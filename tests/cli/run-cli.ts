// Starts the built command as a user would, and collects what it prints; or has a process that is there already run it.

import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, vi } from 'vitest';
import { holdingAt } from './hold.ts';
import type { Order, Outcome } from './resident.ts';

const dist = resolve(import.meta.dirname, '../../dist');
const main = join(dist, 'cli/main.js');

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

/** What a command has of its own in the process that it shares with others. */
export interface ResidentOptions {
  readonly cwd?: string;
  readonly env?: Order['env'];
  readonly columns?: number;
}

/**
 * A folder in which a command runs, and the path in it of a file or folder at which it holds still once it is there.
 */
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

/** Runs the command to its end, in a process of its own. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result;
}

/** A process that runs one command after another. */
interface Resident {
  readonly child: ChildProcess;
  /** Settles when it is ready for the next one. */
  ready: Promise<unknown>;
}

let resident: Resident | null = null;

function startResident(): Resident {
  const file = join(import.meta.dirname, 'resident.ts');
  const child = fork(file, [dist], {
    env: environment(),
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  return { child, ready: nextMessage(child) };
}

/** What the process says next; an error if it ends instead. */
async function nextMessage(child: ChildProcess): Promise<unknown> {
  const waiting = new AbortController();
  const { signal } = waiting;
  const ended = once(child, 'exit', { signal }).then(() => Promise.reject(new Error('the resident process has ended')));
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), ended]);
    return message;
  } finally {
    waiting.abort();
    ended.catch(() => {});
  }
}

/**
 * Runs the command to its end in one process with others of its test file, one at a time: for what depends neither on
 * how a process starts and ends, nor on its standard input, nor on the variant of the engine, which a process chooses
 * once. Each command has tests in which it is a process of its own.
 */
export function runInResident(args: readonly string[], options: ResidentOptions = {}): Promise<CliResult> {
  resident ??= startResident();
  const { child, ready } = resident;
  const { cwd = process.cwd(), env = {}, columns = null } = options;
  const outcome = ready.then(() => {
    child.send({ args, cwd, env, columns } satisfies Order);
    return nextMessage(child) as Promise<Outcome>;
  });
  resident.ready = outcome.catch(() => {});
  return outcome;
}

afterAll(async () => {
  if (resident === null) return;
  const ended = once(resident.child, 'exit');
  resident.child.disconnect();
  await ended;
});

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
