// A trained arm, opened to be measured further: its model and its held-out text.

import { createDataset } from '../../data/dataset.ts';
import type { Dataset } from '../../data/types.ts';
import { loadModel } from '../../generate/load-model-folder.ts';
import type { DeepseekV3ForCausalLM } from '../../model/causal-lm.ts';
import type { TrainedArm } from '../study.ts';

export interface OpenedArm {
  /** Belongs to the caller. */
  readonly model: DeepseekV3ForCausalLM;
  readonly dataset: Dataset;
}

/** Most held-out tokens per domain that a probe reads. */
export const probeTokens = 8192;

/** Loads the last checkpoint and the data it was trained on, with the same split. */
export async function openTrained({ checkpoint, train }: TrainedArm): Promise<OpenedArm> {
  const { model, tokenizer } = loadModel(checkpoint);
  return { model, dataset: await createDataset({ ...train, tokenizer }) };
}
