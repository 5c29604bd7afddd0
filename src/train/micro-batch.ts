// Gradient accumulation: splits a batch into equal parts, and gives the weight of each part.
//
// Averaging the parts' mean losses would weigh a label more in a part that has few (a document mask drops labels that
// cross a document boundary). So each loss of a part is weighted by the part's share of that loss's labels in the whole
// batch (or of their weights), and the gradients of the parts are then simply added. Main and MTP losses are then those
// of the undivided batch, as in transformers, whose trainer divides by the labels of all accumulated parts
// (`num_items_in_batch`). The balance loss is weighted by rows; under `batch-aux` it still looks at one part at a time.
// Shape legend: B rows, T tokens in a row.

import type { Batch, Tokenizer } from '../data/types.ts';
import { tf } from '../tensor/tf.ts';
import type { LossInput } from './loss.ts';

/**
 * Splits the rows of a batch into `parts` batches of equal size, which share its memory; `parts` must divide its rows.
 */
export function splitBatch(batch: Batch, parts: number): Batch[] {
  const rows = batch.batchSize / parts;
  if (!Number.isInteger(rows)) throw new Error(`internal: ${batch.batchSize} rows cannot be split in ${parts} parts`);
  const size = rows * (batch.seqLen + 1);
  const { ids, documentIds, labelWeights, domains } = batch;
  return Array.from({ length: parts }, (_, i) => ({
    batchSize: rows,
    seqLen: batch.seqLen,
    ids: ids.subarray(i * size, (i + 1) * size),
    documentIds: documentIds.subarray(i * size, (i + 1) * size),
    domains: domains.subarray(i * rows, (i + 1) * rows),
    ...(labelWeights === undefined ? {} : { labelWeights: labelWeights.subarray(i * size, (i + 1) * size) }),
  }));
}

/**
 * A batch as the input of the loss. Ownership: tensors belong to the caller (or its tidy).
 *
 * @throws Error if a weight is not a number, or is negative.
 */
export function lossInput(batch: Batch, documentMask: boolean): LossInput {
  const { ids, documentIds, labelWeights, batchSize, seqLen } = batch;
  const shape: [number, number] = [batchSize, seqLen + 1];
  const wrong = labelWeights?.findIndex((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY)) ?? -1;
  if (wrong >= 0) {
    const [row, token] = [Math.floor(wrong / (seqLen + 1)), wrong % (seqLen + 1)];
    throw new Error(
      `loss: expected weights of labels from 0 up, found ${labelWeights![wrong]} in row ${row} at token ${token}; use 0 to mask one`,
    );
  }
  return {
    ids: tf.tensor2d(ids, shape, 'int32'),
    documentIds: documentMask ? tf.tensor2d(documentIds, shape, 'int32') : null,
    labelWeights: labelWeights === undefined ? null : tf.tensor2d(labelWeights, shape),
  };
}

/**
 * The number of labels at MTP depth `depth` (0 is the main model), or, if they have weights, the sum of these.
 * Position i predicts token i + depth + 1 of its row, unless a mask is on and that token belongs to another document.
 *
 * Example: T = 3, documents [0, 0, 1, 1]: depth 0 has 3 labels without the mask, 2 with it; depth 1 has 2 and 0. With
 * weights [9, 0.5, 0, 1] they count for 1.5, 0.5, 1 and 0.
 */
export function countLabels(batch: Batch, depth: number, documentMask: boolean): number {
  return sumOverLabels(batch, depth, documentMask, () => 1);
}

/** Bytes that the labels of the main model stand for, each label's bytes times its weight. */
export function countLabelBytes(batch: Batch, documentMask: boolean, tokenizer: Pick<Tokenizer, 'byteLength'>): number {
  return sumOverLabels(batch, 0, documentMask, (i) => tokenizer.byteLength(batch.ids[i] ?? -1));
}

/** The sum of `valueAt` times weight over the labels of a depth; `valueAt` takes a label's place in `ids`. */
function sumOverLabels(batch: Batch, depth: number, documentMask: boolean, valueAt: (i: number) => number): number {
  const { seqLen, ids, documentIds, labelWeights } = batch;
  const distance = depth + 1;
  let sum = 0;
  for (let i = 0; i < ids.length; i++) {
    const isLabel = i % (seqLen + 1) >= distance && (!documentMask || documentIds[i] === documentIds[i - distance]);
    if (isLabel) sum += valueAt(i) * (labelWeights?.[i] ?? 1);
  }
  return sum;
}

/**
 * For each part and each depth from 0 to `depths`: the part's share of the batch's labels of that depth, or of their
 * weights.
 */
export function labelShares(parts: readonly Batch[], depths: number, documentMask: boolean): number[][] {
  const counts = parts.map((part) =>
    Array.from({ length: depths + 1 }, (_, depth) => countLabels(part, depth, documentMask)),
  );
  const totals = Array.from({ length: depths + 1 }, (_, depth) => counts.reduce((sum, c) => sum + (c[depth] ?? 0), 0));
  // Where no label of the whole batch counts, every share is 0.
  return counts.map((count) => count.map((own, depth) => (own === 0 ? 0 : own / totals[depth]!)));
}
