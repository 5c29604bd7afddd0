// What a training run will take in memory, before it begins.
//
// The prediction is the step itself, on a shadow of the engine: the same code with tensors that have sizes and no
// values. PyTorch does the same with its meta device. So it follows from what a step does, whatever its settings, and
// needs no formula for each layer that could go wrong when the layer changes.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { Batch } from '../data/types.ts';
import { createShadow } from '../engine/shadow.ts';
import { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';
import { createLearner, partsFor } from '../train/learner.ts';
import type { StepMemory } from './kinds.ts';
import { measureStep } from './step-memory.ts';

/** What is to be predicted. */
export interface LedgerRequest {
  readonly model: ModelConfig;
  /** Batch, window, parts of a batch, average and precision are in it. */
  readonly train: TrainConfig;
  /** Threads that compute, of which each has workspaces of its own. Default: 1. */
  readonly threads?: number;
}

/**
 * Bytes that an optimizer step will take on the CPU engine, by kind; equal to what `measureStep` finds there. Takes as
 * long as TypeScript takes for two steps without arithmetic: milliseconds for a miniature, a second for the released
 * model.
 *
 * The step is one of full batch size. Sizes of 16 MiB by which the engine's memory grows, and what JavaScript takes,
 * come on top.
 */
export async function memoryLedger({ model, train, threads = 1 }: LedgerRequest): Promise<StepMemory> {
  const shadow = await createShadow(threads);
  const make = {
    model: () => new DeepseekV3ForCausalLM(model, null, partsFor(train)),
    learner: (own: DeepseekV3ForCausalLM) => createLearner({ model, train }, {}, own),
  };
  return shadow.run(() => measureStep(make, emptyBatch(train), train));
}

/** A batch whose tokens are all 0. */
export function emptyBatch({ batchSize, seqLen }: Pick<TrainConfig, 'batchSize' | 'seqLen'>): Batch {
  const size = batchSize * (seqLen + 1);
  return {
    batchSize,
    seqLen,
    ids: new Int32Array(size),
    documentIds: new Int32Array(size),
    domains: new Int32Array(batchSize),
  };
}
