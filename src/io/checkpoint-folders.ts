// The checkpoint folders of a run on the disk: see `checkpoint-names.ts` for their names.
//
// Two more names exist for moments, and remain if the process is killed then: `.tmp-step-...` is a folder that is being
// written or deleted, and `step-....replaced` a finished checkpoint that a rewrite of the same step is about to
// replace.

import { randomBytes } from 'node:crypto';
import nodeFs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { StoredCheckpoint } from './checkpoint.ts';
import { checkpointStep } from './checkpoint-names.ts';
import type { FileSystem } from './file-system.ts';

const temporaryName = /^\.tmp-step-\d{8,}/;

/** The name under which a checkpoint outlives, until its replacement is in place, a rewrite of its step. */
export function replacedPath(path: string): string {
  return `${path}.replaced`;
}

/** A fresh name next to `path`, for a folder that is being written or deleted. */
export function temporaryPath(path: string): string {
  return join(dirname(path), `.tmp-${basename(path)}-${randomBytes(4).toString('hex')}`);
}

/** Checkpoint folders, newest first; a replaced one comes after its replacement. */
export function listStepFolders(folder: string, fs: Pick<FileSystem, 'readdirSync'> = nodeFs): StoredCheckpoint[] {
  return fs
    .readdirSync(folder)
    .flatMap((name) => {
      const step = checkpointStep(name);
      return step === null ? [] : [{ path: join(folder, name), step }];
    })
    .sort((a, b) => b.step - a.step || a.path.length - b.path.length);
}

/** Deletes a checkpoint in a way that never leaves half of it under its own name. */
export function discardFolder(path: string, fs: FileSystem): void {
  const trash = temporaryPath(path);
  fs.renameSync(path, trash);
  fs.rmSync(trash, { recursive: true });
}

/**
 * Deletes what is left of interrupted writes, and checkpoints older than the last `keep` up to `step`.
 *
 * Checkpoints of later steps stay: they are of another course of the run, and only the user can tell which one counts.
 */
export function pruneCheckpoints(folder: string, step: number, keep: number, fs: FileSystem): void {
  for (const name of fs.readdirSync(folder)) {
    if (temporaryName.test(name)) fs.rmSync(join(folder, name), { recursive: true });
  }
  const past = listStepFolders(folder, fs).filter((candidate) => candidate.step <= step);
  for (const { path } of past.slice(keep)) discardFolder(path, fs);
}
