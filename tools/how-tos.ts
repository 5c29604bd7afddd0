// Does what the pages of docs/how-to say, as a new user would: in a fresh folder with the packed package and nothing
// else, page after page (`npm run how-tos`, or with a part of a name). Fails where a command does.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { groupsOf } from './site/navigation.ts';
import { stepsOf } from './how-to/steps.ts';
import { withInstalledPackage } from './install-package.ts';

const python = process.env.TINYSEEK_PYTHON;
const index = groupsOf(readFileSync('docs/README.md', 'utf8'), 'docs/README.md');
const wanted = process.argv.slice(2);
const pages = index
  .flatMap(({ files }) => files)
  .filter((file) => file.startsWith('docs/how-to/') && wanted.every((part) => file.includes(part)));
if (pages.length === 0) throw new Error(`no how-to page has ${wanted.join(' and ')} in its name`);

/** Starts a server, and waits until it says where it is. */
async function start(command: string, cwd: string): Promise<ChildProcess> {
  const words = command.replace('npx tinyseek', 'node_modules/tinyseek/dist/cli/main.js').split(' ');
  const server = spawn(process.execPath, words, { cwd, stdio: ['ignore', 'inherit', 'pipe'] });
  server.stderr!.pipe(process.stderr);
  const ready = once(server.stderr!, 'data').then(() => true);
  const ended = once(server, 'exit').then(() => false);
  if (!(await Promise.race([ready, ended]))) throw new Error(`it ended at once: ${command}`);
  return server;
}

/** Whether a command does well. */
function run(command: string, cwd: string): boolean {
  if (command.startsWith('python ') && python === undefined) {
    console.log(`!! NOT RUN, TINYSEEK_PYTHON names no Python with transformers: ${command}`);
    return true;
  }
  const line = command.replace(/^python /, `${python} `);
  return spawnSync(line, { cwd, shell: true, stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}

async function follow(page: string, folder: string): Promise<string[]> {
  const failed: string[] = [];
  const servers: ChildProcess[] = [];
  for (const step of stepsOf(readFileSync(page, 'utf8'))) {
    if (step.kind === 'file') writeFileSync(join(folder, step.name), step.text);
    else {
      console.log(`$ ${step.line}`);
      if (step.line.startsWith('npx tinyseek serve ')) servers.push(await start(step.line, folder));
      else if (!run(step.line, folder)) failed.push(step.line);
    }
  }
  for (const server of servers) server.kill();
  return failed;
}

await withInstalledPackage([], async (folder) => {
  for (const page of pages) {
    const began = performance.now();
    const failed = await follow(page, folder);
    const seconds = ((performance.now() - began) / 1000).toFixed(0);
    console.log(`-- ${page}: ${failed.length === 0 ? 'ok' : `FAILED: ${failed.join('; ')}`}, ${seconds} s\n`);
    if (failed.length > 0) process.exitCode = 1;
  }
});
