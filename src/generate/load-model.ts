// A trained model from its folder: one of our checkpoints, or any Hugging Face `deepseek_v3` folder that fits.

import { fromHuggingFaceConfig } from '../config/huggingface.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { bufferShapes, parameterShapes } from '../config/parameter-shapes.ts';
import { tokenizerFromHuggingFace } from '../data/tokenizers/hugging-face-tokenizer.ts';
import type { Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import { fromHfTensors } from '../io/hf-tensors.ts';
import type { JsonObject } from '../io/json.ts';
import { readCheckpoint } from '../io/read-checkpoint.ts';
import { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';

export interface LoadedModel {
  /** Belongs to the caller, who disposes it. */
  readonly model: DeepseekV3ForCausalLM;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** What the trainer knew when it wrote the folder; null for a folder from elsewhere. */
  readonly trainerState: JsonObject | null;
  readonly warnings: readonly string[];
}

/**
 * Loads config, weights and tokenizer of a checkpoint folder. A backend must be active.
 *
 * @throws UserError when the folder is not a checkpoint, is damaged, does not fit its config, or has no tokenizer.
 */
export function loadModel(folder: string): LoadedModel {
  const checkpoint = readCheckpoint(folder);
  try {
    const config = fromHuggingFaceConfig(checkpoint.hfConfig);
    if (checkpoint.tokenizerJson === null) {
      throw new UserError(
        `checkpoint: ${folder} has no tokenizer.json; copy the one the model was trained with into it`,
      );
    }
    const tokenizer = tokenizerFromHuggingFace(checkpoint.tokenizerJson);
    if (tokenizer.vocabSize > config.vocabSize) {
      throw new UserError(
        `checkpoint: ${folder} has a tokenizer of ${tokenizer.vocabSize} tokens and a model of ${config.vocabSize}; they do not belong together`,
      );
    }
    const { tensors, warnings } = fromHfTensors(checkpoint.model, config, [
      ...parameterShapes(config),
      ...bufferShapes(config),
    ]);
    const model = new DeepseekV3ForCausalLM(config, 0);
    model.importTensors(tensors);
    return { model, config, tokenizer, trainerState: checkpoint.trainerState, warnings };
  } finally {
    checkpoint.close();
  }
}
