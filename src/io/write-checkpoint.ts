// Writes a checkpoint: a Hugging Face model folder plus `optimizer.safetensors` and `trainer.json`.
//
// Everything is written to a temporary folder next to the target, brought to the disk (fsync), and renamed into place.
// So at any moment, whatever is killed or fails, each checkpoint folder is either complete or not there.

import nodeFs from 'node:fs';
import { dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { type CheckpointContents, checkpointFiles } from './checkpoint.ts';
import { discardFolder, pruneCheckpoints, replacedPath, temporaryPath } from './checkpoint-folders.ts';
import { checkpointStep } from './checkpoint-names.ts';
import { trainerFile } from './file-names.ts';
import { explainFsErrors, type FileSystem, makeFolder, syncFolder } from './file-system.ts';
import { writeHashedFile } from './hashed-file.ts';
import type { FileDigest } from './trainer-file.ts';
import { encodeTrainerFile } from './trainer-folder.ts';

export interface WriteCheckpointOptions {
  /** Once written, only the newest `keep` (at least 1) `step-...` folders next to this one are kept; absent: all. */
  readonly keep?: number;
  /** File system calls to use, for tests that let them fail. */
  readonly fs?: FileSystem;
}

/**
 * Writes the folder `path`, whole or not at all; a checkpoint already there is replaced.
 *
 * @throws UserError saying what could not be written where, and why (disk full, no permission, not a folder); what was
 * there before is then unchanged.
 */
export function writeCheckpoint(
  path: string,
  contents: CheckpointContents,
  options: WriteCheckpointOptions = {},
): void {
  const { keep, fs = nodeFs } = options;
  const temporary = temporaryPath(path);
  explainFsErrors('checkpoint: cannot write', path, () => {
    refuseForeignFolder(path, fs);
    makeFolder(dirname(path), fs);
    fs.mkdirSync(temporary);
    try {
      writeFiles(temporary, contents, fs);
      moveIntoPlace(temporary, path, fs);
    } catch (error) {
      removeQuietly(temporary, fs);
      throw underItsOwnName(error, temporary, path);
    }
    const step = checkpointStep(path);
    if (keep !== undefined && step !== null) pruneCheckpoints(dirname(path), step, Math.max(1, keep), fs);
  });
}

/** Replacing deletes: a folder that holds something else than a checkpoint is left alone. */
function refuseForeignFolder(path: string, fs: FileSystem): void {
  const isReplaceable =
    checkpointStep(path) !== null ||
    !fs.existsSync(path) ||
    fs.existsSync(join(path, trainerFile)) ||
    fs.readdirSync(path).length === 0;
  if (isReplaceable) return;
  throw new UserError(`checkpoint: ${path} is not empty and holds no checkpoint; choose another folder`);
}

function writeFiles(folder: string, contents: CheckpointContents, fs: FileSystem): void {
  const files = new Map<string, FileDigest>();
  for (const { name, pieces } of checkpointFiles(contents)) {
    files.set(name, writeHashedFile(join(folder, name), pieces, fs));
  }
  const trainer = encodeTrainerFile({ files, state: contents.trainerState });
  writeHashedFile(join(folder, trainerFile), [trainer], fs);
  syncFolder(folder, fs);
}

/** Folders cannot be swapped in one step, so the old one steps aside first, under a name that is still found. */
function moveIntoPlace(temporary: string, path: string, fs: FileSystem): void {
  const aside = replacedPath(path);
  const isRewrite = fs.existsSync(path);
  if (isRewrite) {
    if (fs.existsSync(aside)) discardFolder(aside, fs);
    fs.renameSync(path, aside);
  }
  try {
    fs.renameSync(temporary, path);
  } catch (error) {
    if (isRewrite) fs.renameSync(aside, path);
    throw error;
  }
  syncFolder(dirname(path), fs);
  if (fs.existsSync(aside)) discardFolder(aside, fs);
}

/** The error with the name that the user knows: that of the checkpoint, and not that of its unfinished folder. */
function underItsOwnName(error: unknown, temporary: string, path: string): unknown {
  if (!(error instanceof UserError)) return error;
  const message = error.message.replaceAll(temporary, path).replace(/^(?!checkpoint: )/, 'checkpoint: ');
  return new UserError(message, { cause: error });
}

/** Ignores errors, since the error that led here says more; the next write tidies up again. */
function removeQuietly(temporary: string, fs: FileSystem): void {
  try {
    fs.rmSync(temporary, { recursive: true, force: true });
  } catch {
    // See above.
  }
}
