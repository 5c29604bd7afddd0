// Runs the README's commands (lines of its ```sh blocks) at short settings, in the order they stand there, in a scratch
// folder, and fails if one does. `npm ci` and `npm test` are left to whoever calls this.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const short = '--steps 4 --batch-size 4 --seq-len 64 --set heldOutFraction=0.002 --set sampleTokens=4';
const tinyseek = `node ${resolve('dist/cli/main.js')}`;
const scratch = mkdtempSync(join(tmpdir(), 'tinyseek-readme-'));

/** The command at short settings, or null when it is not ours to run. */
function shorten(line: string): string | null {
  const command = line
    .replace(/\s+#.*$/, '')
    .replace('npm ci && ', '')
    .trim();
  if (command === '' || /npm (ci|test|install)\b/.test(command)) return null;
  const started = command === 'npm start' ? 'npx tinyseek train --preset tiny --data moby-dick' : command;
  if (!started.startsWith('npx tinyseek ')) return command;
  const trains = /^npx tinyseek train\b(?!.*--resume)/.test(started);
  return `${started.replace('npx tinyseek', tinyseek)}${trains ? ` ${short}` : ''}`;
}

const blocks = [...readFileSync('README.md', 'utf8').matchAll(/^```sh\n(.*?)^```/gms)].map(([, body]) => body ?? '');
const commands = blocks.flatMap((body) => body.split('\n').flatMap((line) => shorten(line) ?? []));
for (const command of commands) {
  const start = performance.now();
  console.log(`$ ${command}`);
  const { status } = spawnSync('bash', ['-c', command], { cwd: scratch, stdio: ['ignore', 'inherit', 'inherit'] });
  console.log(`-- ${status === 0 ? 'ok' : 'FAILED'}, ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
  if (status !== 0) process.exitCode = 1;
}
rmSync(scratch, { recursive: true, force: true });
if (commands.length === 0) throw new Error('README.md has no commands in ```sh blocks');
