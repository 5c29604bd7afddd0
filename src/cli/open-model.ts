// The CHECKPOINT argument: a checkpoint folder, or a run folder, which stands for its newest checkpoint.

import type { LoadedModel } from '../generate/load-model.ts';
import { loadModel } from '../generate/load-model-folder.ts';
import { chooseCheckpoint } from '../io/read-checkpoint.ts';
import { refuseDensePrecision } from '../train/backend-remarks.ts';
import { type BackendFlags, parseBackendFlags } from './backend-option.ts';
import { type PrecisionFlag, parsePrecision } from './precision-option.ts';
import { startBackend } from './start-backend.ts';
import { print } from './terminal/print.ts';

export interface OpenedModel extends LoadedModel {
  /** The checkpoint folder. */
  readonly path: string;
}

/** Prints warnings on standard error. */
export function warn(warnings: readonly string[]): void {
  print(
    process.stderr,
    warnings.map((warning) => `warning: ${warning}`),
  );
}

/** The checkpoint folder meant; whether it is one is for its reader to say. */
export function checkpointFolder(path: string): string {
  const chosen = chooseCheckpoint(path);
  warn(chosen.warnings);
  return chosen.path;
}

/** Starts a backend and loads a checkpoint; what is odd about it is a warning on standard error. */
export async function openModel(checkpoint: string, flags: BackendFlags & PrecisionFlag): Promise<OpenedModel> {
  const choice = parseBackendFlags(flags);
  const precision = parsePrecision(flags);
  const path = checkpointFolder(checkpoint);
  refuseDensePrecision(await startBackend(choice), { precision });
  const loaded = loadModel(path, { precision });
  warn(loaded.warnings);
  return { ...loaded, path };
}
