// Small runs, plain and over ranks, for comparison.

import { type ClusterOptions, type ClusterResult, trainCluster } from '../../../src/cluster/train-cluster.ts';
import type { ModelConfig } from '../../../src/config/model-config.ts';
import type { TrainConfig } from '../../../src/config/train-config.ts';
import { memoryStore } from '../../../src/runs/memory-store.ts';
import type { RunStore } from '../../../src/runs/run-store.ts';
import type { MetricsLine, TrainResult } from '../../../src/train/events.ts';
import type { RunWatcher } from '../../../src/train/run-watcher.ts';
import { type TrainOptions, train } from '../../../src/train/trainer.ts';
import { nanoModel, nanoTrain } from '../../train/nano.ts';

/** One dense and three MoE layers, and two MTP depths: enough for four stages. */
export const model: ModelConfig = { ...nanoModel, numHiddenLayers: 4, numNextnPredictLayers: 2 };

/** Everything that has state: clipping, average, document mask (so that parts weigh differently), bias. */
export const settings: TrainConfig = { ...nanoTrain, steps: 3, emaDecay: 0.9, documentMask: true };

export const documents = Array.from({ length: 150 }, (_, i) => `${i} and ${(i * 7) % 13} make ${i + ((i * 7) % 13)}.`);

export interface Ran<Result> {
  readonly result: Result;
  readonly store: RunStore;
  /** What the log has of each step, without times. */
  readonly metrics: readonly Partial<MetricsLine>[];
  /** SHA-256 of the weights in the last checkpoint. */
  readonly weights: string;
}

/** One step after the other, with `train` or another that takes the same. */
async function run<Result extends TrainResult>(
  start: (options: TrainOptions) => Promise<Result>,
  changes: Partial<TrainConfig>,
  config: ModelConfig,
  watcher: RunWatcher = {},
): Promise<Ran<Result>> {
  const store = memoryStore();
  const metrics: Partial<MetricsLine>[] = [];
  const result = await start({
    model: config,
    train: { ...settings, ...changes },
    documents,
    backend: 'engine',
    backendOptions: { threads: 1 },
    store,
    ...watcher,
    onEvent: (event) => {
      watcher.onEvent?.(event);
      if (event.type !== 'step') return;
      const { seconds: _seconds, 'train/tokens_per_second': _speed, ...rest } = event.metrics;
      metrics.push(rest);
    },
  });
  return { result, store, metrics, weights: await weightsOf(store) };
}

export async function weightsOf(store: RunStore): Promise<string> {
  const { checkpoint } = await store.latestCheckpoint();
  const opened = await store.openCheckpoint(checkpoint!.path);
  try {
    return await opened.weightsSha256();
  } finally {
    opened.close();
  }
}

/** In the calling thread, with `parts` micro-batches a step. */
export function plain(parts: number, changes: Partial<TrainConfig> = {}, config = model): Promise<Ran<TrainResult>> {
  return run(train, { batchSize: 2 * parts, gradAccumSteps: parts, ...changes }, config);
}

/** Over ranks, with the same micro-batches. */
export function overRanks(
  parts: number,
  cluster: ClusterOptions,
  changes: Partial<TrainConfig> = {},
  config = model,
  watcher: RunWatcher = {},
): Promise<Ran<ClusterResult>> {
  const start = (options: TrainOptions) => trainCluster({ ...options, ...cluster });
  return run(start, { batchSize: 2 * parts, ...changes }, config, watcher);
}
