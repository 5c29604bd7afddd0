// The port between a run and the place that keeps it. The trainer knows this interface alone; a folder, memory and a
// browser's storage are three implementations of it.
//
// What a store promises: settings and checkpoints are whole or not there, whatever is killed in the middle, and lines
// of a log are in the order in which they were written.

import type { Checkpoint, CheckpointContents, LatestCheckpoint } from '../io/checkpoint.ts';
import type { JsonObject } from '../io/json.ts';

/** A line of a log: plain data. */
export type LogLine = { readonly step: number } & { readonly [key: string]: unknown };

/** What a run writes down as it goes. */
export interface RunLog {
  metrics(line: LogLine): void;
  sample(line: LogLine): void;
  /** Returns once everything is written. */
  close(): Promise<void>;
}

/** Where a run keeps its settings, metrics, samples and checkpoints. */
export interface RunStore {
  /** The name in messages and results, such as the folder's path. */
  readonly path: string;
  /** The name of the run in reports. */
  readonly name: string;
  /** Throws a `UserError` if the store has something in it already. */
  refuseUsed(): Promise<void>;
  /**
   * Claims the store for one run; resolves to a function that gives it back.
   *
   * @throws UserError if another run has it.
   */
  claim(): Promise<() => Promise<void>>;
  /** The settings that `writeSettings` wrote, unchecked; a `UserError` if there are none. */
  readSettings(): Promise<JsonObject>;
  /** Replaces the settings in one step. */
  writeSettings(settings: object): Promise<void>;
  /** Opens metrics and samples to go on after `step`: lines of later steps are dropped. -1 drops all. */
  openLog(step: number): Promise<RunLog>;
  /**
   * Saves a checkpoint, whole or not at all, in place of one of the same step. Of the checkpoints up to its step, it
   * keeps the newest `keep`. Returns the path for `openCheckpoint` and for messages.
   */
  saveCheckpoint(step: number, contents: CheckpointContents, keep: number): Promise<string>;
  /** The newest checkpoint that is whole. */
  latestCheckpoint(): Promise<LatestCheckpoint>;
  /** Opens a checkpoint; the caller closes it. */
  openCheckpoint(path: string): Promise<Checkpoint>;
}
