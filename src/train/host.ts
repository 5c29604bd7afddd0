// What a run needs of the program around it: a backend, text, a yardstick, turns. Node's is in `node-host.ts`.

import type { BackendName } from '../backends/backend-names.ts';
import type { BackendOptions } from '../backends/backends.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { Dataset, Tokenizer } from '../data/types.ts';
import type { ActiveBackend } from '../tensor/active-backend.ts';
import type { OpenedModel } from './initial-model.ts';

/** Text that a program has in memory. */
export interface GivenText {
  /**
   * In place of what `train.data` names. A document is a text, or the token ids of one without its end token; `tokenizer`
   * has to be the one that made the ids.
   */
  readonly documents?: Iterable<string | ArrayLike<number>>;
  /** In place of what `train.tokenizer` names. */
  readonly tokenizer?: Tokenizer;
}

export interface Host {
  /** Resolves after others have had their turn: signal handlers, timers, a page that draws. */
  nextTurn(): Promise<void>;
  /** Version of this package. */
  readonly version: string;
  /** Starts a backend and makes it current. */
  activateBackend(name: BackendName, options?: BackendOptions): Promise<ActiveBackend>;
  /** Opens a model folder, or the newest checkpoint of a run folder; absent where there are no folders. */
  openFolder?(path: string): Promise<OpenedModel>;
  /** Reads, splits and tokenises the text that the settings name, or the one that is given in its place. */
  openDataset(train: TrainConfig, given: GivenText): Promise<Dataset>;
  /** Bits per byte that Brotli (quality 11) needs for the held-out text; null where it cannot be told. */
  brotliBitsPerByte(dataset: Dataset): number | null;
}
