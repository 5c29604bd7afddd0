// The configuration of a model folder, as far as its weights bear it out.

import { fromHuggingFaceConfig } from '../config/huggingface.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { Checkpoint } from './checkpoint.ts';

export interface FolderConfig {
  readonly config: ModelConfig;
  readonly warnings: string[];
}

/**
 * The `ModelConfig` of an open checkpoint.
 *
 * transformers drops the MTP layers and still writes how many there were; a depth of which the folder has no tensor at
 * all is left out, with a warning. A depth with some of its tensors counts, so that the missing ones are an error.
 */
export function folderConfig({ hfConfig, model }: Pick<Checkpoint, 'hfConfig' | 'model'>): FolderConfig {
  const config = fromHuggingFaceConfig(hfConfig);
  const layers = new Set(Array.from(model.tensors.keys(), (name) => /^model\.layers\.(\d+)\./.exec(name)?.[1]));
  const { numHiddenLayers, numNextnPredictLayers: claimed } = config;
  let found = 0;
  while (found < claimed && layers.has(String(numHiddenLayers + found))) found++;
  if (found === claimed) return { config, warnings: [] };
  const warning =
    `config.json: num_nextn_predict_layers is ${claimed}, but the weights have ${found} of these layers; ` +
    'the model goes on without the others';
  return { config: { ...config, numNextnPredictLayers: found }, warnings: [warning] };
}
