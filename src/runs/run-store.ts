// The port between a run and the place that keeps it. The trainer knows this interface alone; a folder, memory and a
// browser's storage are three implementations of it.
//
// What a store promises: settings and checkpoints are whole or not there, whatever is killed in the middle, and lines of
// a log are in the order in which they were written.

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
  /** What messages and results call it: the folder's path, for one. */
  readonly path: string;
  /** What reports call the run. */
  readonly name: string;
  /** Throws a `UserError` if there is something in it already. */
  refuseUsed(): Promise<void>;
  /**
   * Claims it for one run; what this resolves to gives it back.
   *
   * @throws UserError if another one has it.
   */
  claim(): Promise<() => Promise<void>>;
  /** What `writeSettings` wrote, unchecked; a `UserError` if it is not there. */
  readSettings(): Promise<JsonObject>;
  /** Replaces the settings in one step. */
  writeSettings(settings: object): Promise<void>;
  /** Opens metrics and samples to go on after `step`: lines of later steps are dropped. -1 drops all. */
  openLog(step: number): Promise<RunLog>;
  /**
   * Keeps a checkpoint, whole or not at all, and drops all but the newest `keep` up to its step. One of the same step is
   * replaced. Returns its path: what `openCheckpoint` and messages call it.
   */
  saveCheckpoint(step: number, contents: CheckpointContents, keep: number): Promise<string>;
  /** The newest checkpoint that is whole. */
  latestCheckpoint(): Promise<LatestCheckpoint>;
  /** The caller closes it. */
  openCheckpoint(path: string): Promise<Checkpoint>;
}
