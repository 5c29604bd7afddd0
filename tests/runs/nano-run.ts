// A run of the nano model on documents in memory, and what must be the same wherever it is kept.

import type { TrainConfig } from '../../src/config/train-config.ts';
import { createRandom } from '../../src/tensor/random.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import type { TrainOptions } from '../../src/train/trainer.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';

const words = ['whale', 'ship', 'sea', 'captain', 'white', 'the', 'and', 'of', 'harpoon', 'Nantucket'];

/** Thirty documents of twenty words. */
export function seaDocuments(): string[] {
  const random = createRandom(11);
  const text = () => Array.from({ length: 20 }, () => words[Math.floor(random() * words.length)]).join(' ');
  return Array.from({ length: 30 }, () => `${text()}.`);
}

/** Everything that has state: accumulation, average, a schedule, evaluation, samples, checkpoints. */
export const seaTrain: TrainConfig = {
  ...nanoTrain,
  steps: 6,
  gradAccumSteps: 2,
  lrSchedule: 'deepseek-v3',
  emaDecay: 0.5,
  evalEvery: 2,
  checkpointEvery: 2,
  keepCheckpoints: 2,
  sampleTokens: 3,
};

export const seaRun = {
  model: nanoModel,
  train: seaTrain,
  backend: 'engine',
  backendOptions: { threads: 1 },
} satisfies Partial<TrainOptions>;

/** Names of events, with their step. */
export function label(event: TrainEvent): string {
  return 'step' in event ? `${event.type} ${event.step}` : event.type;
}

/** The lines of a log without what a clock has to do with. */
export function timeless(log: string): unknown[] {
  const lines = log.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const { seconds: _seconds, 'train/tokens_per_second': _speed, ...rest } = JSON.parse(line);
    return rest;
  });
}
