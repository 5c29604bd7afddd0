import type { DataProgress } from '../data/progress.ts';
import type { TrainEvent } from './events.ts';
import type { PauseController } from './pause.ts';

/** Options with which a caller watches, pauses or ends a run. */
export interface RunWatcher {
  /** Called in order, between steps. The run waits for a promise it returns; an error it throws ends the run. */
  readonly onEvent?: (event: TrainEvent) => unknown;
  /** Is told how far reading the text, training the tokenizer and tokenizing are, before the first step. */
  readonly onPrepare?: (progress: DataProgress) => void;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Holds the run between steps, and lets it go on. */
  readonly pause?: PauseController;
}
