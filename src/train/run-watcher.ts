import type { DataProgress } from '../data/progress.ts';
import type { Tokenizer } from '../data/types.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import type { TrainEvent } from './events.ts';
import type { SettingsController } from './live-settings.ts';
import type { PauseController } from './pause.ts';

/** Options with which a caller watches, pauses or ends a run. */
export interface RunWatcher {
  /** Called in order, between steps. The run waits for a promise it returns; an error it throws ends the run. */
  readonly onEvent?: (event: TrainEvent) => unknown;
  /** Is told how far reading the text, training the tokenizer and tokenizing are, before the first step. */
  readonly onPrepare?: (progress: DataProgress) => void;
  /**
   * Is given the model once it has the weights that the run begins with, to be read between steps, such as in
   * `onEvent`. It is the run's, which disposes it.
   */
  readonly onModel?: (model: DeepseekV3ForCausalLM, tokenizer: Tokenizer) => unknown;
  /** Ends the run after the current step, with a checkpoint. */
  readonly signal?: AbortSignal;
  /** Holds the run between steps, and lets it go on. */
  readonly pause?: PauseController;
  /** Changes settings of the run while it goes on. */
  readonly live?: SettingsController;
}
