// The name of a model folder that is being written, next to the one it will have. It says which process writes it, so
// that what a killed one has left, which is as large as a model, is found and deleted by the next that writes there.

import { createHash, randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { FileSystem } from './file-system.ts';
import { isRunning } from './process-identity.ts';

/** A mark of this machine: a folder may be on a drive that several machines write to. */
const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);

const pattern = new RegExp(`^\\.tmp-.+-${machine}-(\\d+)-[0-9a-f]{8}$`);

/** A fresh name for a folder that is to become `path`. */
export function unfinishedFolder(path: string): string {
  const unique = `${machine}-${process.pid}-${randomBytes(4).toString('hex')}`;
  return join(dirname(path), `.tmp-${basename(path)}-${unique}`);
}

/** Deletes the unfinished folders in `parent` whose processes are gone. */
export function removeLeftovers(parent: string, fs: Pick<FileSystem, 'readdirSync' | 'rmSync'>): void {
  for (const name of fs.readdirSync(parent)) {
    const pid = Number(pattern.exec(name)?.[1] ?? Number.NaN);
    if (Number.isNaN(pid) || isRunning({ pid, host: hostname(), started: null })) continue;
    fs.rmSync(join(parent, name), { recursive: true, force: true });
  }
}
