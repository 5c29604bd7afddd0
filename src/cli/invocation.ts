// How this process was started, so that the commands it suggests can be pasted back.

import { existsSync } from 'node:fs';
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path';

/** What tells how the command was called. */
export interface Call {
  /** The file that Node was given: a link of that name, or `dist/cli/main.js` itself. */
  readonly script: string;
  /** The folder of this package. */
  readonly root: string;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

const thisCall = (): Call => ({
  script: process.argv[1] ?? '',
  root: resolve(import.meta.dirname, '../..'),
  cwd: process.cwd(),
  env: process.env,
});

/** The name of the command, and of its link in `node_modules/.bin` or beside `node`. */
const name = 'tinyseek';
const npx = `npx ${name}`;

/**
 * Whether a shell finds the command. npm adds `.bin` folders to the path of what it starts, which the reader's shell
 * lacks.
 */
function isOnPath(path: string | undefined): boolean {
  const folders = (path ?? '').split(delimiter).filter((folder) => basename(folder) !== '.bin');
  return folders.some((folder) => [name, `${name}.cmd`].some((file) => existsSync(join(folder, file))));
}

/** The folder whose commands npx runs: the nearest one with a `package.json`. */
function projectOf(folder: string): string {
  const parent = dirname(folder);
  return existsSync(join(folder, 'package.json')) || parent === folder ? folder : projectOf(parent);
}

/**
 * What the reader types to call the command again: `tinyseek` where it is installed for every folder, `npx tinyseek` in
 * a checkout and in a project that depends on it, and else `node` with the path of the script.
 */
export function invocation({ script, root, cwd, env }: Call = thisCall()): string {
  if (env.npm_command === 'exec') return npx;
  const isInstalled = basename(dirname(root)) === 'node_modules';
  // A checkout may be linked into the path (`npm link`), or lie beside another version that is installed.
  const isCalledByName = isInstalled || basename(script) === name;
  if (isCalledByName && isOnPath(env.PATH)) return name;
  const project = isInstalled ? dirname(dirname(root)) : root;
  if (projectOf(cwd) === project) return npx;
  return `node ${shellWord(shorter(script, relative(cwd, script)))}`;
}

const shorter = (a: string, b: string) => (b.length < a.length ? b : a);

/** A word as a shell needs it: in quotes if it has anything special in it. */
export function shellWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
