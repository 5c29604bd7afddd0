// Training settings as a run or a checkpoint of an earlier version has them.

import { isRecord } from './issues.ts';
import type { ModelConfig } from './model-config.ts';
import type { TrainConfig } from './train-config.ts';
import { validateTrainConfig } from './validate.ts';

/**
 * Keys that were added since format 1, as the versions without them trained. A new key of `TrainConfig` belongs here.
 */
const before: Partial<TrainConfig> = {
  precision: 'float32',
  recompute: 'none',
  cachedActivations: 'float32',
  adamMoments: 'float32',
  textKey: '',
  documentSeparator: '',
  alternateSeqLen: 0,
};

/** Like `validateTrainConfig`, but a key that did not exist yet when the settings were written may be missing. */
export function validateRecordedTrain(train: unknown, model: ModelConfig): TrainConfig {
  return validateTrainConfig(isRecord(train) ? { ...before, ...train } : train, model);
}
