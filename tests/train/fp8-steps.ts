// Steps of training in 8 bits whose bits are kept as a golden: what a faster kernel must not change.

import { createHash } from 'node:crypto';
import type { ModelConfig } from '../../src/config/model-config.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import type { Batch } from '../../src/data/types.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { createLearner, disposeLearner } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { smallConfig } from '../model/small-model.ts';
import { nanoModel, nanoTrain } from './nano.ts';

/**
 * Sizes at which tiles, panels and blocks are cut: widths that are no multiple of 16, sums longer than 256, experts
 * with more than 240 rows, tokens that are no multiple of 16.
 */
const ragged: ModelConfig = {
  ...nanoModel,
  hiddenSize: 40,
  intermediateSize: 277,
  moeIntermediateSize: 23,
  qLoraRank: null,
  nRoutedExperts: 4,
  numExpertsPerTok: 3,
  nGroup: 1,
  topkGroup: 1,
  maxPositionEmbeddings: 128,
};

/** Model and [sequences, tokens of each] of a case. */
export const fp8Cases = {
  small: { model: smallConfig, size: [3, 11] },
  nano: { model: nanoModel, size: [4, 13] },
  ragged: { model: ragged, size: [3, 119] },
} as const satisfies Record<string, { model: ModelConfig; size: readonly [number, number] }>;

export type Fp8Case = keyof typeof fp8Cases;

/** Losses and gradient norms of five steps, and a digest of all weights after them. */
export interface Fp8Steps {
  readonly losses: readonly number[];
  readonly gradNorms: readonly number[];
  readonly weights: string;
}

function randomBatch({ vocabSize }: ModelConfig, [batchSize, seqLen]: readonly [number, number]): Batch {
  const random = createRandom(11);
  const size = batchSize * (seqLen + 1);
  const ids = Int32Array.from({ length: size }, () => Math.floor(random() * vocabSize));
  return { batchSize, seqLen, ids, documentIds: new Int32Array(size), domains: new Int32Array(batchSize) };
}

/** How activations are kept for the backward pass. */
export type Cached = TrainConfig['cachedActivations'];

/** Trains on the active backend. */
export async function fp8Steps(name: Fp8Case, cachedActivations: Cached): Promise<Fp8Steps> {
  const { model, size } = fp8Cases[name];
  const train: TrainConfig = { ...nanoTrain, precision: 'fp8', cachedActivations };
  const learner = createLearner({ model, train });
  const batch = randomBatch(model, size);
  const outcomes: { total: number; gradNorm: number }[] = [];
  for (const plan of planRun(train).slice(0, 5)) outcomes.push(await trainStep(learner, batch, plan, train));
  const hash = createHash('sha256');
  for (const { data } of await learner.model.exportTensors()) hash.update(data);
  disposeLearner(learner);
  return {
    losses: outcomes.map(({ total }) => total),
    gradNorms: outcomes.map(({ gradNorm }) => gradNorm),
    weights: hash.digest('hex'),
  };
}
