// Rows of the recall language to train on, without end: each is a function of the seed and its index. Only the signs
// that follow from others count in the loss.

import { stackSamples } from '../data/batches.ts';
import { createRandom } from '../data/random.ts';
import type { Batch, Dataset, Tokenizer } from '../data/types.ts';
import { type RecallOptions, type RecallRow, recallRow, usualRecall } from '../evaluate/tasks/recall-language.ts';
import { recallTokenizer } from './recall-tokenizer.ts';

export interface RecallDatasetOptions {
  /** Tokens of a row, as in the settings of a run. */
  readonly seqLen: number;
  /** Every second step reads rows of this length, as many as make the same number of tokens; absent or 0: none does. */
  readonly alternateSeqLen?: number;
  readonly seed: number;
}

/** The weight of a label: there are as many local ones as others, and they are learned sooner. */
const localWeight = 0.5;

const heldOutRows = 16;

/** A batch of rows of equal length; its `labelWeights` are 0 for signs that follow from nothing. */
export function recallBatch(rows: readonly RecallRow[], tokenizer: Pick<Tokenizer, 'encode'>): Batch {
  const samples = rows.map(({ signs }) => {
    const ids = tokenizer.encode(signs.join(''));
    return { ids, documentIds: new Int32Array(ids.length), domain: 0 };
  });
  const batch = stackSamples(samples);
  const labelWeights = new Float32Array(batch.ids.length);
  for (const [row, { labels }] of rows.entries()) {
    for (const { at, kind } of labels) {
      labelWeights[row * (batch.seqLen + 1) + at] = kind === 'local' ? localWeight : 1;
    }
  }
  return { ...batch, labelWeights };
}

/** A dataset of the language: six keys a row, half of them with older values, and six marks. */
export function recallDataset({ seqLen, alternateSeqLen = 0, seed }: RecallDatasetOptions): Dataset {
  const tokenizer = recallTokenizer();
  const rowsOf = (length: number, first: number, count: number, part: string): RecallRow[] => {
    const options: RecallOptions = { ...usualRecall, length: length + 1 };
    return Array.from({ length: count }, (_, i) =>
      recallRow(options, createRandom(seed, 'recall', part, length, first + i)),
    );
  };
  const batchOf = (length: number, first: number, count: number): Batch =>
    recallBatch(rowsOf(length, first, count, 'train'), tokenizer);
  return {
    tokenizer,
    domains: ['recall'],
    trainTokens: 2 ** 30, // there is no end; a number that no run reaches
    trainBatch: (index, batchSize) => {
      const isAlternate = alternateSeqLen > 0 && Math.floor(index / batchSize) % 2 === 1;
      if (!isAlternate) return batchOf(seqLen, index, batchSize);
      const times = Math.floor(seqLen / alternateSeqLen);
      return batchOf(alternateSeqLen, index * times, batchSize * times);
    },
    heldOutBatches: function* (_, batchSize) {
      for (let first = 0; first < heldOutRows; first += batchSize) {
        const count = Math.min(batchSize, heldOutRows - first);
        yield recallBatch(rowsOf(seqLen, first, count, 'held out'), tokenizer);
      }
    },
    heldOutText: () =>
      rowsOf(seqLen, 0, heldOutRows, 'held out')
        .map(({ signs }) => signs.join(''))
        .join('\n'),
  };
}
