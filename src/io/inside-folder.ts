// Folders of models and runs are untrusted. All of their files are found and read by this file: they must lie in the
// folder, whatever a name or a symbolic link says, be regular files, and be no larger than makes sense.

import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { isPlainFileName } from './file-names.ts';
import { explainFsErrors } from './file-system.ts';
import { openRegularFile, readRegularFile } from './regular-file.ts';

/** Largest JSON file that is read: tokenizers of a quarter of a million tokens have some 30 MB. */
const maxJsonBytes = 256 << 20;

/** Largest text that is read whole, such as a chat template. */
const maxTextBytes = 4 << 20;

/** Whether a folder has something of that name; a link that leads nowhere counts, so that reading it can say so. */
export function hasFile(folder: string, name: string): boolean {
  return lstatSync(join(folder, name), { throwIfNoEntry: false }) !== undefined;
}

/** The bytes of a JSON file of a folder. @throws UserError as `fileInside`, and for a file that is too large */
export function readJsonBytes(folder: string, name: string, what: string): Buffer {
  return readRegularFile(fileInside(folder, name, what), `${what}: cannot read`, maxJsonBytes);
}

/** The text of a file of a folder. @throws UserError as `fileInside`, and for a file that is too large */
export function readText(folder: string, name: string, what: string): string {
  return readRegularFile(fileInside(folder, name, what), `${what}: cannot read`, maxTextBytes).toString('utf8');
}

/** Opens a file of a folder for reading; the caller closes it. @throws UserError as `fileInside` */
export function openInside(folder: string, name: string, what: string): number {
  return openRegularFile(fileInside(folder, name, what), `${what}: cannot read`);
}

/**
 * Refuses a folder in which one of these names is a link: what is written there would be written elsewhere.
 *
 * @throws UserError that names the link.
 */
export function refuseLinks(folder: string, names: readonly string[], what: string): void {
  for (const name of names) {
    const path = join(folder, name);
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    throw new UserError(
      `${what}: ${path} is a link, and what is written would go to where it leads; put what it leads to in its place`,
    );
  }
}

/**
 * The path of a file of a folder, once it is known to be a regular file that lies there.
 *
 * A symbolic link may lead to another file of the folder, or, in the cache of Hugging Face's hub, from
 * `MODEL/snapshots/COMMIT/NAME` to `MODEL/blobs/HASH`; anywhere else would be a file that is not the model's.
 *
 * @param what the start of messages.
 * @throws UserError if the file is missing, is no regular file, or lies elsewhere.
 */
export function fileInside(folder: string, name: string, what = 'model folder'): string {
  const path = join(folder, name);
  const real = explainFsErrors(`${what}: cannot read`, path, () => realpathSync(path));
  const root = explainFsErrors(`${what}: cannot read`, folder, () => realpathSync(folder));
  const isInside = dirname(real) === root || dirname(real) === hubBlobs(root);
  if (!isPlainFileName(name) || !isInside) {
    throw new UserError(
      `${what}: ${path} is a link out of its folder, to ${real}; put a copy of that file in its place if it belongs there`,
    );
  }
  if (!lstatSync(real).isFile()) throw new UserError(`${what}: ${path} is not a file; put a regular file in its place`);
  return path;
}

/** Where the hub's cache keeps the files of a snapshot; null for a folder that is no snapshot. */
function hubBlobs(root: string): string | null {
  const snapshots = dirname(root);
  return basename(snapshots) === 'snapshots' ? join(dirname(snapshots), 'blobs') : null;
}
