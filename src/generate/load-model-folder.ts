// A trained model from its folder.

import type { TrainConfig } from '../config/train-config.ts';
import { readCheckpoint } from '../io/read-checkpoint.ts';
import { type LoadedModel, loadAndClose } from './load-model.ts';

export interface LoadOptions {
  /** `fp8`: products of 8-bit numbers, weights and activations rounded as in training (default: float32). */
  readonly precision?: TrainConfig['precision'];
}

/**
 * Loads config, weights and tokenizer of a checkpoint folder, or of any Hugging Face `deepseek_v3` folder that fits. A
 * backend must be active.
 *
 * @throws UserError when the folder is not a checkpoint, is damaged, does not fit its config, or has no tokenizer.
 */
export function loadModel(folder: string, { precision = 'float32' }: LoadOptions = {}): LoadedModel {
  return loadAndClose(readCheckpoint(folder), folder, precision);
}
