// A Hugging Face model folder whose files are in memory, such as those of a zip that was opened in a page.

import { UserError } from '../errors.ts';
import { openModelFiles } from './blob-checkpoints.ts';
import type { ModelStore } from './model-store.ts';

/**
 * A model to be loaded or trained on (`loadModelFrom(store)`, `init: store`), from the files of its folder by name:
 * `config.json`, `tokenizer.json`, `model.safetensors` and, where there are any, `tokenizer_config.json` and
 * `generation_config.json`.
 *
 * @param name what messages call it
 * @throws {UserError} from `openModel`, for a file that is missing or damaged
 */
export function filesModel(files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>, name: string): ModelStore {
  return {
    path: name,
    saveModel: async () => {
      throw new UserError(`model: the files of ${name} are there to be read; save into another store`);
    },
    openModel: async () => ({ ...openModelFiles(files, name), optimizer: null, trainerState: null }),
  };
}
