// The port between a single model and the place that keeps it. A training loop saves a model there, and a run can start
// from it.

import type { Checkpoint, ModelContents } from '../io/checkpoint.ts';

/** A place for one model. */
export interface ModelStore {
  /** The name of the place in messages. */
  readonly path: string;
  /** Keeps a model in place of the one that was saved before, whole or not at all. */
  saveModel(contents: ModelContents): Promise<void>;
  /**
   * The model that was saved, or else that of the newest checkpoint; a `UserError` without either. The caller closes
   * it.
   */
  openModel(): Promise<Checkpoint>;
}
