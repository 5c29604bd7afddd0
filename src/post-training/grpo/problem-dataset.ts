// A task as the dataset of a run: it tells the problems of one task from those of another, so that a run is not carried
// on with other problems. Nothing trains on its rows.

import { createRandom, hash32 } from '../../data/random.ts';
import type { Batch, Dataset, Tokenizer } from '../../data/types.ts';
import { trainingProblem } from '../../evaluate/split.ts';
import type { Task } from '../../evaluate/task.ts';

/** Rows of the dataset: prompts and right answers of the first problems, as hashes of their characters. */
export function problemDataset(task: Task, tokenizer: Tokenizer, seqLen: number, seed: number): Dataset {
  const trainBatch = (index: number, batchSize: number): Batch => {
    const size = batchSize * (seqLen + 1);
    const ids = new Int32Array(size);
    for (let row = 0; row < batchSize; row++) {
      const { prompt, answer } = trainingProblem(task, createRandom(seed, 'problem', index + row));
      ids[row * (seqLen + 1)] = hash32(prompt, answer) | 0;
    }
    return { batchSize, seqLen, ids, documentIds: new Int32Array(size), domains: new Int32Array(batchSize) };
  };
  return {
    tokenizer,
    domains: [task.name],
    trainTokens: 0,
    trainBatch,
    heldOutBatches: () => [],
    heldOutText: () => '',
  };
}
