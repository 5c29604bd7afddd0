// A trained model from its folder.

import { readCheckpoint } from '../io/read-checkpoint.ts';
import { type LoadedModel, loadAndClose } from './load-model.ts';

/**
 * Loads config, weights and tokenizer of a checkpoint folder, or of any Hugging Face `deepseek_v3` folder that fits. A
 * backend must be active.
 *
 * @throws UserError when the folder is not a checkpoint, is damaged, does not fit its config, or has no tokenizer.
 */
export function loadModel(folder: string): LoadedModel {
  return loadAndClose(readCheckpoint(folder), folder);
}
