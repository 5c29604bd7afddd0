// Training under Node, in a folder.

import { folderStore } from '../runs/folder-store.ts';
import type { TrainResult } from './events.ts';
import { nodeHost } from './node-host.ts';
import { type ContinueOptions, continueRun, type StartOptions, startRun } from './sessions.ts';

export interface TrainOptions extends StartOptions {
  /** Created; must be empty or not there. */
  readonly runDir: string;
}

/**
 * Trains a model from scratch in a new run folder: `run.json`, `metrics.jsonl`, `samples.jsonl`, `tensorboard/` and
 * `checkpoints/step-XXXXXXXX`, each of which is a Hugging Face model folder.
 *
 * The same settings, seed and backend give the same bits. An interrupted run is carried on by `resumeRun`.
 *
 * Throws a `UserError` for invalid settings, unusable data, a used folder, and values that stop being finite.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  return startRun(folderStore(options.runDir), options, nodeHost);
}

export interface ResumeOptions extends ContinueOptions {
  readonly runDir: string;
}

/**
 * Carries a run on from its newest whole checkpoint to its planned end: on the same backend bit for bit as if it had
 * never stopped. A run that was finished already is only summed up again.
 *
 * Throws a `UserError` when the folder holds no run, another process uses it, no checkpoint is whole, or settings, text
 * or tokenizer are not those the run was started with.
 */
export async function resumeRun(options: ResumeOptions): Promise<TrainResult> {
  return continueRun(folderStore(options.runDir), options, nodeHost);
}
