import { existsSync, readdirSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { explainFsErrors } from './file-system.ts';
import { unfinishedPath } from './replace-file.ts';

/**
 * Refuses a folder that has something in it. The lock of a process does not count, nor does an unfinished `mainFile`,
 * which is the first file to be written.
 *
 * `what` starts the message, and `advice`, made from the names that were found, ends it.
 *
 * @throws UserError if the folder is used.
 */
export function refuseUsedFolder(
  folder: string,
  what: string,
  mainFile: string,
  advice: (found: readonly string[]) => string,
): void {
  if (!existsSync(folder)) return;
  const names = explainFsErrors(`${what}: cannot read`, folder, () => readdirSync(folder));
  const found = names.filter((name) => !name.startsWith('run.lock') && name !== unfinishedPath(mainFile));
  if (found.length === 0) return;
  throw new UserError(`${what}: ${folder} is not empty (it has ${found[0]})${advice(found)}`);
}
