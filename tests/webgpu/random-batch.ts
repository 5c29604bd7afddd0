import type { Batch } from '../../src/data/types.ts';
import { createRandom } from '../../src/tensor/random.ts';

/** Two rows of random ids, in documents of five tokens. */
export function randomBatch(vocabSize: number, seed: number): Batch {
  const [batchSize, seqLen] = [2, 11];
  const random = createRandom(seed);
  const size = batchSize * (seqLen + 1);
  return {
    batchSize,
    seqLen,
    ids: Int32Array.from({ length: size }, () => Math.floor(random() * vocabSize)),
    documentIds: Int32Array.from({ length: size }, (_, i) => Math.floor((i % (seqLen + 1)) / 5)),
    domains: new Int32Array(batchSize),
  };
}
