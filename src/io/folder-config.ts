// The configuration of a model folder, as far as its weights bear it out, and the weights in the layout that goes with
// it.

import { fromHuggingFaceConfig, mtpDepth } from '../config/huggingface.ts';
import { foreignNotes } from '../config/huggingface-foreign.ts';
import type { ModelConfig } from '../config/model-config.ts';
import type { Checkpoint } from './checkpoint.ts';
import { arrangeTensors } from './tensor-layouts.ts';
import type { TensorSource } from './tensor-source.ts';

export interface FolderConfig {
  readonly config: ModelConfig;
  /** The tensors as `fromHfTensors` expects them, whatever program wrote them; they are read from the checkpoint. */
  readonly model: TensorSource;
  /** What is unusual about the files, and what was made of it. */
  readonly notes: readonly string[];
  /** The notes, and a warning about MTP modules that the config has and the weights have not. */
  readonly warnings: readonly string[];
}

/**
 * The `ModelConfig` of an open checkpoint, and its tensors.
 *
 * transformers drops the MTP layers and still writes how many there were; a depth of which the folder has no tensor at
 * all is left out, with a warning. A depth with some of its tensors counts, so that the missing ones are an error. A
 * file that does not state the depth has the module that transformers takes to be there, if the weights have it.
 *
 * @throws UserError for a config that cannot be used.
 */
export function folderConfig({ hfConfig, model }: Pick<Checkpoint, 'hfConfig' | 'model'>): FolderConfig {
  const read = fromHuggingFaceConfig(hfConfig);
  const isStated = (mtpDepth(hfConfig) ?? null) !== null;
  const claimed = isStated ? read.numNextnPredictLayers : 1;
  const layers = new Set(Array.from(model.tensors.keys(), (name) => /^(?:model\.)?layers\.(\d+)\./.exec(name)?.[1]));
  let found = 0;
  while (found < claimed && layers.has(String(read.numHiddenLayers + found))) found++;
  const config = { ...read, numNextnPredictLayers: found };
  const arranged = arrangeTensors(model, hfConfig, config);
  const notes = [...foreignNotes(hfConfig, config), ...arranged.notes];
  if (found === claimed || !isStated) return { config, model: arranged.model, notes, warnings: notes };
  const warning =
    `config.json: num_nextn_predict_layers is ${claimed}, but the weights have ${found} of these layers; ` +
    'the model goes on without the others';
  return { config, model: arranged.model, notes, warnings: [...notes, warning] };
}
