// A training run inside a study: started, or carried on from wherever it stopped.

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { TrainEvent, TrainResult } from '../train/events.ts';
import type { RunWatcher } from '../train/run-watcher.ts';
import { canResume, type StageRuns, startOrResume } from '../train/staged-run.ts';
import { resumeRun, type TrainOptions, train } from '../train/trainer.ts';
import type { ArmWork } from './procedure.ts';

/**
 * One thread: a study fills the cores with runs side by side, which costs less than threads that wait for each other.
 */
export const oneThread = { threads: 1, engineVariant: null };

/** What `train` takes, without what a study decides itself. */
export type StageOptions = TrainOptions extends infer Options
  ? Options extends unknown
    ? Omit<Options, 'backend' | 'backendOptions' | 'store' | 'runDir'>
    : never
  : never;

/** Trains in `runDir`, from the start or from the last checkpoint there; a finished run is only read. */
export async function trainOrResume(runDir: string, options: StageOptions): Promise<TrainResult> {
  const { model: _, train: __, init, ...common } = options;
  const place = { backendOptions: oneThread, runDir };
  if (canResume(runDir)) return resumeRun({ ...common, ...(typeof init === 'object' ? { init } : {}), ...place });
  rmSync(runDir, { recursive: true, force: true });
  return train({ ...options, backend: 'auto', ...place });
}

/** Where a stage lies in the work of an arm, as shares of all of it. */
export interface StagePart {
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

/**
 * A stage of a procedure that is a run of any kind, in the folder `name` of the arm. It reports progress, stops when
 * the
 * study does, goes on where it was, and is not run again when it is whole.
 */
export async function runStage(work: ArmWork, part: StagePart, stage: StageRuns): Promise<TrainResult> {
  const { name, from, to } = part;
  const runDir = join(work.dir, name);
  const onEvent = (event: TrainEvent) => {
    if (event.type === 'warning') work.warn(event.message);
    if (event.type !== 'step') return;
    const { step, steps, loss } = event;
    work.progress(from + ((to - from) * step) / steps, `${name} ${step}/${steps} loss ${loss.toFixed(3)}`);
  };
  const watcher = { onEvent, signal: work.signal };
  const result = await startOrResume(runDir, stage, watcher);
  work.signal.throwIfAborted();
  return result;
}

/** A stage that is a training run on text: see `runStage`. */
export function trainStage(work: ArmWork, part: StagePart, options: StageOptions): Promise<TrainResult> {
  const run = (runDir: string, { onEvent, ...watcher }: RunWatcher) =>
    trainOrResume(runDir, {
      ...options,
      ...watcher,
      onEvent: async (event) => {
        await onEvent?.(event);
        await options.onEvent?.(event);
      },
    });
  return runStage(work, part, { start: run, resume: run });
}
