// Loads a trained model: one of our checkpoints, or any Hugging Face `deepseek_v3` model that fits.

import type { ModelConfig } from '../config/model-config.ts';
import { bufferShapes, parameterShapes } from '../config/parameter-shapes.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { Tokenizer } from '../data/types.ts';
import type { Checkpoint } from '../io/checkpoint.ts';
import { folderConfig } from '../io/folder-config.ts';
import { fromHfTensors } from '../io/hf-tensors.ts';
import type { JsonObject } from '../io/json.ts';
import { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { deepseekParts } from '../model/parts.ts';
import { productsIn } from '../ops/products.ts';
import type { ModelStore } from '../runs/model-store.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { folderTokenizer } from './folder-tokenizer.ts';
import { type GenerationDefaults, readGenerationDefaults } from './generation-defaults.ts';

export interface LoadedModel {
  /** Belongs to the caller, who disposes it. */
  readonly model: DeepseekV3ForCausalLM;
  readonly config: ModelConfig;
  readonly tokenizer: Tokenizer;
  /** How the folder wants its text generated. */
  readonly defaults: GenerationDefaults;
  /** The state that the trainer recorded in the checkpoint; null for a folder from elsewhere. */
  readonly trainerState: JsonObject | null;
  /** What linear layers and experts multiply. */
  readonly precision: TrainConfig['precision'];
  readonly warnings: readonly string[];
}

/**
 * Loads config, weights and tokenizer from a store: the model that `saveModel` put there, or else that of the newest
 * checkpoint. A backend must be active.
 *
 * @throws UserError when there is no model, or when it is damaged, does not fit its config, or has no tokenizer.
 */
export async function loadModelFrom(store: ModelStore): Promise<LoadedModel> {
  return loadAndClose(await store.openModel(), store.path);
}

/** Loads what is in a checkpoint and closes it; `where` is for messages. */
export function loadAndClose(
  checkpoint: Checkpoint,
  where: string,
  precision: TrainConfig['precision'] = 'float32',
): LoadedModel {
  try {
    const { config, model: tensors, warnings } = folderConfig(checkpoint);
    const { tokenizer, notes } = folderTokenizer(where, checkpoint, config);
    const defaults = readGenerationDefaults(checkpoint.generationConfig);
    const expected = [...parameterShapes(config), ...bufferShapes(config)];
    const imported = fromHfTensors(tensors, config, expected);
    const model = modelOf(config, imported.tensors, precision);
    const { trainerState } = checkpoint;
    const all = [...warnings, ...notes, ...defaults.notes, ...imported.warnings];
    return { model, config, tokenizer, defaults, trainerState, precision, warnings: all };
  } finally {
    checkpoint.close();
  }
}

/** A model with the given values, which are read one tensor at a time: there is no second copy of the weights. */
function modelOf(
  config: ModelConfig,
  tensors: Iterable<NamedTensor>,
  precision: TrainConfig['precision'],
): DeepseekV3ForCausalLM {
  const model = new DeepseekV3ForCausalLM(config, 0, { ...deepseekParts, products: productsIn(precision) });
  try {
    model.importTensors(tensors);
    return model;
  } catch (error) {
    model.dispose();
    throw error;
  }
}
