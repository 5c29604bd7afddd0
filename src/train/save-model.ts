// Saving a model without a run, for programs with a training loop of their own.

import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { modelFiles } from '../io/checkpoint.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import type { ModelStore } from '../runs/model-store.ts';
import { host } from './host.ts';
import { modelContents } from './model-contents.ts';

/**
 * Writes a model with its tokenizer: a Hugging Face `deepseek_v3` folder, which `loadModel`, `train({ init })` and
 * every command that takes a checkpoint can read, or the same files in a store, from which `loadModelFrom` reads.
 *
 * A folder must not exist yet, or be empty; it is written whole or not at all. In a store the model replaces the one
 * that was saved before.
 *
 * @throws UserError if the tokenizer has more tokens than the model, or if the place cannot be written.
 */
export async function saveModel(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
  target: string | ModelStore,
): Promise<void> {
  const { vocabSize } = model.config;
  if (tokenizer.vocabSize > vocabSize) {
    throw new UserError(
      `saveModel: the tokenizer ${tokenizer.name} has ${tokenizer.vocabSize} tokens and the model ${vocabSize}; ` +
        'give the tokenizer that the model was trained with',
    );
  }
  const contents = await modelContents(model, tokenizer);
  if (typeof target !== 'string') return target.saveModel(contents);
  const { folders } = host();
  if (folders === null) throw new UserError(`saveModel: there are no folders here, such as ${target}; give a store`);
  await folders.writeNew(target, modelFiles(contents));
}
