// A run that is one stage of several: started, or carried on from wherever it stopped.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { latestCheckpoint } from '../io/read-checkpoint.ts';
import type { TrainResult } from './events.ts';
import type { RunWatcher } from './run-watcher.ts';

/** How a stage begins, and how it goes on in a folder where it was stopped. */
export interface StageRuns {
  start(runDir: string, watcher: RunWatcher): Promise<TrainResult>;
  resume(runDir: string, watcher: RunWatcher): Promise<TrainResult>;
}

/** Whether there is a checkpoint: a run that was killed before its first one starts again. */
export function canResume(runDir: string): boolean {
  const folder = join(runDir, 'checkpoints');
  return existsSync(join(runDir, 'run.json')) && existsSync(folder) && latestCheckpoint(folder).checkpoint !== null;
}

/** Starts a stage in its folder, which is emptied, or goes on with it; one that is whole is only read. */
export function startOrResume(runDir: string, { start, resume }: StageRuns, watcher: RunWatcher): Promise<TrainResult> {
  if (canResume(runDir)) return resume(runDir, watcher);
  rmSync(runDir, { recursive: true, force: true });
  return start(runDir, watcher);
}
