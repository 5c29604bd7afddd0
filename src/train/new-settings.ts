// The settings that a new run begins with.

import type { BackendName } from '../backends/backend-names.ts';
import { countParameters } from '../config/counts.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { withVocabulary } from '../config/presets.ts';
import type { TrainConfig } from '../config/train-config.ts';
import { validateModelConfig, validateTrainConfig } from '../config/validate.ts';
import type { Dataset } from '../data/types.ts';
import type { RunSettings } from './run-settings.ts';

/** What only the caller knows of a new run. */
export interface NewRun extends Pick<RunSettings, 'name' | 'version' | 'brotliBitsPerByte'> {
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly backend: BackendName;
}

/** The settings of a run as `run.json` has them, with the vocabulary of the tokenizer; checked. */
export function newSettings(run: NewRun, dataset: Pick<Dataset, 'tokenizer'>): RunSettings {
  const model = validateModelConfig(withVocabulary(run.model, dataset.tokenizer));
  const { total, active } = countParameters(model, run.train.seqLen);
  return {
    format: 1,
    name: run.name,
    model,
    train: validateTrainConfig(run.train, model),
    backend: run.backend,
    createdAt: new Date().toISOString(),
    version: run.version,
    parameters: total,
    activeParameters: active,
    brotliBitsPerByte: run.brotliBitsPerByte,
  };
}
