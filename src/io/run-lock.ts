// One process per run folder: a lock file that says who holds it. A process that was killed leaves its lock behind;
// the next one sees that nobody runs under that number any more and takes it over.

import { randomBytes } from 'node:crypto';
import { linkSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { explainFsErrors, makeFolder, systemErrorCode } from './file-system.ts';
import { isJsonObject } from './json.ts';
import { isRunning, type ProcessIdentity, thisProcess } from './process-identity.ts';
import { readRegularFile } from './regular-file.ts';

const lockFile = 'run.lock';

const maxLockBytes = 1 << 16;

const hasNoLinks: ReadonlySet<string> = new Set(['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EPERM']);

/**
 * Claims a run folder, which is created if need be, for this process.
 *
 * @returns a function that gives it back; calling it again does nothing.
 * @throws UserError naming the process that holds the folder, or why the folder cannot be written.
 */
export function lockRun(runDir: string): () => void {
  const lock = join(runDir, lockFile);
  const mine = `${JSON.stringify({ ...thisProcess(), token: randomBytes(8).toString('hex') })}\n`;
  explainFsErrors('run: cannot lock', runDir, () => {
    makeFolder(runDir);
    if (createWhole(lock, mine)) return;
    const found = readLock(lock);
    refuseIfHeld(lock, found);
    removeStale(lock, found);
    if (!createWhole(lock, mine)) refuseIfHeld(lock, readLock(lock));
  });
  return () => {
    if (readLock(lock) === mine) rmSync(lock, { force: true });
  };
}

/** Creates a file with its contents in one step, so that nobody sees it empty; false if there is one already. */
function createWhole(path: string, contents: string): boolean {
  const draft = `${path}.${randomBytes(4).toString('hex')}`;
  writeFileSync(draft, contents, { flag: 'wx' });
  try {
    return unlessItExists(() => linkSync(draft, path));
  } catch (error) {
    // Some drives (exFAT, cloud mounts) have no hard links: there it takes two steps, microseconds apart.
    if (!hasNoLinks.has(systemErrorCode(error) ?? '')) throw error;
    return unlessItExists(() => writeFileSync(path, contents, { flag: 'wx' }));
  } finally {
    rmSync(draft);
  }
}

function unlessItExists(create: () => void): boolean {
  try {
    create();
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** The text of the lock; null if it is gone. */
function readLock(lock: string): string | null {
  try {
    return readRegularFile(lock, 'run: cannot read', maxLockBytes).toString('utf8');
  } catch (error) {
    if (error instanceof UserError && systemErrorCode(error.cause) === 'ENOENT') return null;
    throw error;
  }
}

function refuseIfHeld(lock: string, text: string | null): void {
  const holder = text === null ? null : parseHolder(text);
  if (holder === null || !isRunning(holder)) return;
  const where = holder.host === thisProcess().host ? '' : ` on ${holder.host}`;
  const fix = `wait for it, stop it or choose another folder; if it is gone, delete ${lock}`;
  throw new UserError(`run: another process (pid ${holder.pid}${where}) is using this folder; ${fix}`);
}

/**
 * Moves the stale lock away. If it is not the one that was found stale, another process was faster, and it is put back.
 */
function removeStale(lock: string, stale: string | null): void {
  const aside = `${lock}.${randomBytes(4).toString('hex')}`;
  try {
    renameSync(lock, aside);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw error;
  }
  const moved = readLock(aside);
  if (moved !== stale && moved !== null) createWhole(lock, moved);
  rmSync(aside, { force: true });
}

/** Who holds the lock; null for a lock that nobody can have written whole. */
function parseHolder(text: string): ProcessIdentity | null {
  try {
    const value: unknown = JSON.parse(text);
    if (!isJsonObject(value)) return null;
    const { pid, host, started } = value;
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid < 1 || typeof host !== 'string') return null;
    return { pid, host, started: typeof started === 'string' ? started : null };
  } catch {
    return null;
  }
}
