// The port through which a single model is kept: what a training loop of one's own saves, and what a run starts from.

import type { Checkpoint, ModelContents } from '../io/checkpoint.ts';

/** A place for one model. */
export interface ModelStore {
  /** What messages call it. */
  readonly path: string;
  /** Keeps a model in place of the one that was saved before, whole or not at all. */
  saveModel(contents: ModelContents): Promise<void>;
  /** The model that was saved, or else that of the newest checkpoint; a `UserError` without either. The caller closes it. */
  openModel(): Promise<Checkpoint>;
}
