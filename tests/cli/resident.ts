// Runs commands one after the other in one process. It is started with the folder of the built program and is sent
// orders.
//
// Starting Node, loading the modules and compiling the engine cost far more than a command on a nano model does.
// Most tests are about what a command says and does, not about the start of its process: those share this one.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A command to run. */
export interface Order {
  readonly args: readonly string[];
  readonly cwd: string;
  /** Variables in place of those that the process has, for this command alone. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes the command take its outputs for terminals with lines of so many cells. */
  readonly columns: number | null;
}

/** What came of it. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const [, , dist = ''] = process.argv;
const load = (name: string) => import(pathToFileURL(join(dist, name)).href);

await load('node.js');
const { runCommandLine } = await load('cli/program.js');
const { exitCodeOf, reportError } = await load('cli/report-error.js');

/** Keeps what is written to a stream; the returned function gives it and lets the stream go. */
function capture(stream: NodeJS.WriteStream, columns: number | null): () => string {
  let text = '';
  const write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
    text += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
    const written = rest.at(-1);
    if (typeof written === 'function') process.nextTick(written);
    return true;
  };
  const changes = { write, ...(columns === null ? {} : { isTTY: true, columns }) };
  const before = Object.keys(changes).map((key) => [key, Object.getOwnPropertyDescriptor(stream, key)] as const);
  Object.assign(stream, changes);
  return () => {
    for (const [key, descriptor] of before) {
      Reflect.deleteProperty(stream, key);
      if (descriptor !== undefined) Object.defineProperty(stream, key, descriptor);
    }
    return text;
  };
}

function failed(error: unknown): number {
  reportError(error);
  return exitCodeOf(error);
}

const home = process.cwd();

async function run({ args, cwd, env, columns }: Order): Promise<Outcome> {
  const inherited = { ...process.env };
  process.chdir(cwd);
  Object.assign(process.env, env);
  // What a command suggests to its reader begins with what was typed.
  process.argv = [process.execPath, join(dist, 'cli/main.js'), ...args];
  const [stdout, stderr] = [capture(process.stdout, columns), capture(process.stderr, columns)];
  const code: number = await runCommandLine(args).catch(failed);
  const outcome = { code, stdout: stdout(), stderr: stderr() };
  for (const key of Object.keys(env)) delete process.env[key];
  Object.assign(process.env, inherited);
  process.chdir(home);
  return outcome;
}

process.on('message', (order: Order) => void run(order).then((outcome) => process.send?.(outcome)));
// A test that is gone needs no more answers.
process.on('disconnect', () => process.exit(0));
process.send?.('ready');
