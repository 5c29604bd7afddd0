// Runs the README's commands (lines of its ```sh blocks) at short settings, in the order they stand there, in a scratch
// folder, once with each shell that readers use, and fails if one does. What installs, tests or trains for a minute is
// left to whoever calls this.
//
// zsh, the shell of macOS, reads a pasted line differently from a script: `#` begins no comment there. So it gets the
// line as if typed.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

interface Shell {
  readonly name: string;
  readonly arguments: (line: string) => readonly string[];
  readonly input?: (line: string) => string;
}

const shells: readonly Shell[] = [
  { name: 'bash', arguments: (line) => ['-c', line] },
  {
    name: 'zsh',
    arguments: () => ['-f', '-i', '+o', 'promptsp', '+o', 'promptcr'],
    input: (line) => `${line}\nexit $?\n`,
  },
];

const short = '--steps 4 --batch-size 4 --seq-len 64 --set heldOutFraction=0.002 --set sampleTokens=4';
const tinyseek = `node ${resolve('dist/cli/main.js')}`;

/** The command at short settings, or null when it is not ours to run. */
function shorten(line: string): string | null {
  if (line.trim() === '' || /^npm (ci|test|install)\b/.test(line)) return null;
  const started = line === 'npm start' ? 'npx tinyseek train --preset tiny --data moby-dick' : line;
  if (!started.startsWith('npx tinyseek ')) return started;
  const trains = /^npx tinyseek train\b(?!.*--resume)/.test(started);
  return `${started.replace('npx tinyseek', tinyseek)}${trains ? ` ${short}` : ''}`;
}

function run(shell: Shell, command: string, cwd: string): boolean {
  const start = performance.now();
  console.log(`${shell.name}$ ${command}`);
  const { status } = spawnSync(shell.name, shell.arguments(command), {
    cwd,
    input: shell.input?.(command) ?? '',
    env: { ...process.env, PS1: '', PS2: '' },
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  console.log(`-- ${status === 0 ? 'ok' : 'FAILED'}, ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  return status === 0;
}

/** Whether all commands did well in this shell. */
function runAll(shell: Shell, commands: readonly string[]): boolean {
  const scratch = mkdtempSync(join(tmpdir(), 'tinyseek-readme-'));
  const results = commands.map((command) => run(shell, command, scratch));
  rmSync(scratch, { recursive: true, force: true });
  return results.every(Boolean);
}

const blocks = [...readFileSync('README.md', 'utf8').matchAll(/^```sh\n(.*?)^```/gms)].map(([, body]) => body ?? '');
const commands = blocks.flatMap((body) => body.split('\n').flatMap((line) => shorten(line) ?? []));
if (commands.length === 0) throw new Error('README.md has no commands in ```sh blocks');
for (const shell of shells) {
  if (spawnSync(shell.name, ['-c', 'exit']).status !== 0)
    console.log(`!! NO ${shell.name}: the README's commands are NOT RUN in it`);
  else if (!runAll(shell, commands)) process.exitCode = 1;
}
