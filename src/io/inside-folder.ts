// A model folder is untrusted: files that are read must lie in it, whatever a name or a symbolic link says.

import { realpathSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { isPlainFileName } from './file-names.ts';
import { explainFsErrors } from './file-system.ts';

/**
 * The path of a file of a model folder, once it is known to be a regular file that lies there.
 *
 * A symbolic link may lead to another file of the folder, or, in the cache of Hugging Face's hub, from
 * `MODEL/snapshots/COMMIT/NAME` to `MODEL/blobs/HASH`; anywhere else would be a file that is not the model's.
 *
 * @throws UserError if the file is missing, is no regular file, or lies elsewhere.
 */
export function fileInside(folder: string, name: string): string {
  const path = join(folder, name);
  const real = explainFsErrors('model folder: cannot read', path, () => realpathSync(path));
  const root = explainFsErrors('model folder: cannot read', folder, () => realpathSync(folder));
  const isInside = dirname(real) === root || dirname(real) === hubBlobs(root);
  if (!isPlainFileName(name) || !isInside) {
    throw new UserError(
      `model folder: ${path} is a link out of its folder, to ${real}; put a copy of that file in its place if it is the model's`,
    );
  }
  if (!statSync(real).isFile()) throw new UserError(`model folder: ${path} is not a file`);
  return path;
}

/** Where the hub's cache keeps the files of a snapshot; null for a folder that is no snapshot. */
function hubBlobs(root: string): string | null {
  const snapshots = dirname(root);
  return basename(snapshots) === 'snapshots' ? join(dirname(snapshots), 'blobs') : null;
}
