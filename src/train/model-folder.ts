// A model as the files of a Hugging Face folder in memory, for a page that lets them be saved.

import { modelFiles } from '../io/checkpoint.ts';
import { joinBytes } from '../io/join-bytes.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import type { Tokenizer } from '../data/types.ts';
import { modelContents } from './model-contents.ts';

/** The files of a model folder by name, with the bytes that a checkpoint would have; the weights are copied. */
export async function modelFolder(
  model: DeepseekV3ForCausalLM,
  tokenizer: Tokenizer,
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = modelFiles(await modelContents(model, tokenizer));
  return new Map(Array.from(files, ({ name, pieces }) => [name, joinBytes(pieces)]));
}
