// The tokenizer of a model folder. It loads no TF.js, since commands that only copy folders use it too.

import type { ModelConfig } from '../config/model-config.ts';
import { tokenizerFromHuggingFace } from '../data/tokenizers/hugging-face-tokenizer.ts';
import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import type { JsonObject } from '../io/json.ts';

/** The tokenizer of a model folder; a `UserError` if there is none, or if it has more tokens than the model. */
export function folderTokenizer(folder: string, json: JsonObject | null, { vocabSize }: ModelConfig): Tokenizer {
  if (json === null) {
    throw new UserError(`checkpoint: ${folder} has no tokenizer.json; copy the one the model was trained with into it`);
  }
  const tokenizer = tokenizerFromHuggingFace(json);
  if (tokenizer.vocabSize <= vocabSize) return tokenizer;
  throw new UserError(
    `checkpoint: ${folder} has a tokenizer of ${tokenizer.vocabSize} tokens and a model of ${vocabSize}; they do not belong together`,
  );
}
