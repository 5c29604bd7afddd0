// The few file system calls that writing a checkpoint makes, as one value, so that a test can let any of them fail; and
// the translation of the operating system's errors into messages for users.

import nodeFs from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../errors.ts';

/** What writing a checkpoint needs of `node:fs`. */
export type FileSystem = Pick<
  typeof nodeFs,
  | 'closeSync'
  | 'existsSync'
  | 'fsyncSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readdirSync'
  | 'renameSync'
  | 'rmSync'
  | 'writeSync'
>;

const reasons: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied; change its permissions or choose another folder'],
  ['EDQUOT', 'the disk quota is used up; free some space or choose another folder'],
  ['EEXIST', 'a file of that name is in the way; choose another folder'],
  ['EISDIR', 'it is a folder, not a file'],
  ['ENOENT', 'no such file or folder; check the path'],
  ['ENOSPC', 'no space left on the device; free some space or choose another folder'],
  ['ENOTDIR', 'a part of the path is a file, not a folder; choose another folder'],
  ['EPERM', 'not permitted; change its permissions or choose another folder'],
  ['EROFS', 'the file system is read-only; choose another folder'],
]);

/** Error codes of Windows and some network drives for a folder that cannot be synced. */
const cannotSyncFolders: ReadonlySet<string> = new Set(['EINVAL', 'EISDIR', 'ENOTSUP', 'EPERM']);

/**
 * Runs `action` and turns an error of the operating system into a `UserError`; other errors pass unchanged.
 *
 * @param what the start of the message, such as `checkpoint: cannot write`; the path and the reason follow it.
 */
export function explainFsErrors<T>(what: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === null) throw error;
    const reason = reasons.get(code) ?? (error instanceof Error ? error.message : 'unknown error');
    throw new UserError(`${what} ${path}: ${reason} (${code})`, { cause: error });
  }
}

/** The code of an operating system error, such as `ENOSPC`; null for any other error. */
export function systemErrorCode(error: unknown): string | null {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return null;
  return /^E[A-Z0-9]+$/.test(error.code) ? error.code : null;
}

/**
 * Makes a folder and those above it; one that is there is left as it is.
 *
 * Unlike Node's `recursive: true`, which tries for ever where nothing can be made, such as below `/proc`.
 */
export function makeFolder(folder: string, fs: Pick<FileSystem, 'existsSync' | 'mkdirSync'> = nodeFs): void {
  const parent = dirname(folder);
  if (parent !== folder && !fs.existsSync(parent)) makeFolder(parent, fs);
  try {
    fs.mkdirSync(folder);
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST' || !nodeFs.statSync(folder).isDirectory()) throw error;
  }
}

/** Makes renames and new files inside a folder survive a power cut, where the file system can do that for folders. */
export function syncFolder(folder: string, fs: FileSystem = nodeFs): void {
  try {
    const fd = fs.openSync(folder, 'r');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    if (!cannotSyncFolders.has(systemErrorCode(error) ?? '')) throw error;
  }
}
