// Training, in a folder or in any other store.

import { UserError } from '../errors.ts';
import type { RunStore } from '../runs/run-store.ts';
import { type ContinueOptions, continueRun } from './continue-run.ts';
import { eventsOf } from './event-iterator.ts';
import type { TrainEvent, TrainResult } from './events.ts';
import { host } from './host.ts';
import { type StartOptions, startRun } from './start-run.ts';

/** Where a run is kept: a folder or a store. */
export interface RunPlace {
  /** The folder of the run. A new run creates it; it must be empty or not exist yet. */
  readonly runDir?: string;
  /** In place of a folder: `memoryStore()`, or one of your own. */
  readonly store?: RunStore;
}

export type TrainOptions = StartOptions & RunPlace;

/**
 * Trains a model, from scratch or from one that was trained before (`init`), in a new run folder: `run.json`,
 * `metrics.jsonl`, `samples.jsonl`, `tensorboard/` and `checkpoints/step-XXXXXXXX`, each of which is a Hugging Face
 * model folder. A store of another kind keeps the same.
 *
 * The same settings, seed and backend give the same bits. An interrupted run is carried on by `resumeRun`.
 *
 * It computes in the calling thread and holds its event loop: for seconds before the first step, while text is read and
 * tokenised, and for as long as each step takes. In between, timers, sockets and signals get their turn. A program that
 * has more to do trains in a worker thread: `docs/library.md`, "The event loop", and
 * `examples/08-train-in-a-worker.ts`.
 *
 * @throws UserError for invalid settings, unusable data, a used folder, and values that stop being finite.
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  return startRun(await storeOf(options), options);
}

export interface ResumeOptions extends ContinueOptions, RunPlace {}

/**
 * Carries a run on from its newest whole checkpoint to its planned end: on the same backend bit for bit as if it had
 * never stopped. If the run is finished already, only its result is returned. It holds the event loop as `train` does.
 *
 * @throws UserError when the folder holds no run, another process uses it, no checkpoint is whole, or settings, text
 * or tokenizer are not those the run was started with.
 */
export async function resumeRun(options: ResumeOptions): Promise<TrainResult> {
  return continueRun(await storeOf(options), options);
}

/**
 * Trains as `train` does and yields what happens: `for await (const event of trainEvents(options))`. The last event is
 * `end`, with the result.
 *
 * The run goes on when the next event is asked for, so the reader decides the pace. Leaving the loop (`break`,
 * `return`, an error) ends the run as `signal` does, with a checkpoint. An error of the run is thrown to the reader.
 */
export function trainEvents(options: TrainOptions): AsyncGenerator<TrainEvent, void, undefined> {
  return eventsOf((watcher) => train({ ...options, ...watcher }), options);
}

/** Carries a run on as `resumeRun` does and yields what happens: see `trainEvents`. */
export function resumeEvents(options: ResumeOptions): AsyncGenerator<TrainEvent, void, undefined> {
  return eventsOf((watcher) => resumeRun({ ...options, ...watcher }), options);
}

/** The store of a place; a `UserError` where there is none, or two. */
export async function storeOf({ runDir, store }: RunPlace): Promise<RunStore> {
  if (store !== undefined && runDir === undefined) return store;
  const { folders } = host();
  if (runDir !== undefined && store === undefined) {
    if (folders !== null) return folders.runStore(runDir);
    throw new UserError(`run: there are no folders here, such as ${runDir}; give a store (store: memoryStore())`);
  }
  const found = store === undefined ? 'neither' : 'both';
  throw new UserError(`run: expected a folder (runDir) or a store (store: memoryStore()); found ${found}`);
}
