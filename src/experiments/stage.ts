// A training run inside a study: started, or carried on from wherever it stopped.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { latestCheckpoint } from '../io/read-checkpoint.ts';
import type { TrainEvent, TrainResult } from '../train/events.ts';
import { resumeRun, type TrainOptions, train } from '../train/trainer.ts';
import type { ArmWork } from './procedure.ts';

/**
 * One thread: a study fills the cores with runs side by side, which costs less than threads that wait for each other.
 */
export const oneThread = { threads: 1, engineVariant: null };

/** What `train` takes, without what a study decides itself. */
type FromOptions<T> = T extends unknown ? Omit<T, 'backend' | 'backendOptions' | 'store' | 'runDir'> : never;
export type StageOptions = FromOptions<TrainOptions>;

/** Trains in `runDir`, from the start or from the last checkpoint there; a finished run is only read. */
export async function trainOrResume(runDir: string, options: StageOptions): Promise<TrainResult> {
  const { model: _, train: __, init, ...common } = options;
  const place = { backendOptions: oneThread, runDir };
  if (canResume(runDir)) return resumeRun({ ...common, ...(typeof init === 'object' ? { init } : {}), ...place });
  rmSync(runDir, { recursive: true, force: true });
  return train({ ...options, backend: 'auto', ...place });
}

/** Whether there is a checkpoint: a run that was killed before its first one starts again. */
function canResume(runDir: string): boolean {
  const folder = join(runDir, 'checkpoints');
  return existsSync(join(runDir, 'run.json')) && existsSync(folder) && latestCheckpoint(folder).checkpoint !== null;
}

/** Where a stage lies in the work of an arm, as shares of all of it. */
export interface StagePart {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/**
 * A stage of a procedure that is a training run, in the folder `name` of the arm. It reports progress, stops when the
 * study does, goes on where it was, and is not run again when it is whole.
 */
export async function trainStage(work: ArmWork, part: StagePart, options: StageOptions): Promise<TrainResult> {
  const { name, from, to } = part;
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'warning') work.warn(event.message);
    if (event.type !== 'step') return options.onEvent?.(event);
    const { step, steps, loss } = event;
    work.progress(from + ((to - from) * step) / steps, `${name} ${step}/${steps} loss ${loss.toFixed(3)}`);
    return options.onEvent?.(event);
  };
  const result = await trainOrResume(join(work.dir, name), { ...options, onEvent, signal: work.signal });
  work.signal.throwIfAborted();
  return result;
}
