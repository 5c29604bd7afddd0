// The CHECKPOINT argument: a checkpoint folder, or a run folder, which stands for its newest checkpoint.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { type LoadedModel, loadModel } from '../generate/load-model.ts';
import { latestCheckpoint } from '../io/read-checkpoint.ts';
import { activateBackend } from '../backends/backends.ts';
import { parseBackend } from './backend-option.ts';

export interface OpenedModel extends LoadedModel {
  /** The checkpoint folder. */
  readonly path: string;
}

function warn(warnings: readonly string[]): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
}

/** The checkpoint folder meant; whether it is one is for its reader to say. */
function checkpointFolder(path: string): string {
  const folder = join(path, 'checkpoints');
  if (!existsSync(folder)) return path;
  const { checkpoint, warnings } = latestCheckpoint(folder);
  warn(warnings);
  if (checkpoint !== null) return checkpoint.path;
  throw new UserError(`checkpoint: ${folder} has no usable checkpoint; choose another run`);
}

/** Starts a backend and loads a checkpoint; what is odd about it is a warning on standard error. */
export async function openModel(checkpoint: string, backend: string): Promise<OpenedModel> {
  const name = parseBackend(backend);
  const path = checkpointFolder(checkpoint);
  await activateBackend(name);
  const loaded = loadModel(path);
  warn(loaded.warnings);
  return { ...loaded, path };
}
