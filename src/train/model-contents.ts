// A model and its tokenizer as the contents of the files of a Hugging Face folder.

import { toHuggingFaceConfig } from '../config/huggingface.ts';
import { generationConfig, tokenizerConfig } from '../data/tokenizers/tokenizer-config.ts';
import type { Tokenizer } from '../data/types.ts';
import type { ModelContents } from '../io/checkpoint.ts';
import type { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';

/** Everything that a model folder holds; the weights are copied out of the backend. */
export async function modelContents(model: DeepseekV3ForCausalLM, tokenizer: Tokenizer): Promise<ModelContents> {
  return {
    config: model.config,
    hfConfig: toHuggingFaceConfig(model.config),
    tokenizerJson: tokenizer.toHuggingFace(),
    tokenizerConfig: tokenizerConfig(tokenizer),
    generationConfig: generationConfig(tokenizer),
    model: await model.exportTensors(),
  };
}
