// Gradient accumulation: a batch in equal parts, and what each part counts for.
//
// Averaging the parts' mean losses would weigh a label more in a part that has few (a document mask drops labels that
// cross a document boundary). So each loss of a part is weighted by its share of that loss's labels in the whole batch, or
// of their weights, and the gradients of the parts are then simply added: main and MTP losses are those of the undivided batch,
// as they are in transformers, whose trainer divides by the labels of all accumulated parts (`num_items_in_batch`). The
// balance loss goes by rows; under `batch-aux` it still looks at one part at a time.
// Shape legend: B rows, T tokens in a row.

import type { Batch, Tokenizer } from '../data/types.ts';
import { tf } from '../tensor/tf.ts';
import type { LossInput } from './loss.ts';

/** Rows of a batch in `parts` batches of the same size, which must divide it. The parts share its memory. */
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
 * What the loss takes. Ownership: tensors belong to the caller (or its tidy).
 *
 * @throws Error on a weight that is no number from 0 up.
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
 * What the labels at MTP depth `depth` (0 is the main model) count for together: their number, or the sum of their weights.
 * Position i predicts token i + depth + 1 of its row, unless a mask is on and that token belongs to another document.
 *
 * Example: T = 3, documents [0, 0, 1, 1]: depth 0 has 3 labels without the mask, 2 with it; depth 1 has 2 and 0. With
 * weights [9, 0.5, 0, 1] they count for 1.5, 0.5, 1 and 0.
 */
export function countLabels(batch: Batch, depth: number, documentMask: boolean): number {
  return sumOverLabels(batch, depth, documentMask, () => 1);
}

/** Bytes that the labels of the main model stand for, each as often as its label counts. */
export function countLabelBytes(batch: Batch, documentMask: boolean, tokenizer: Pick<Tokenizer, 'byteLength'>): number {
  return sumOverLabels(batch, 0, documentMask, (i) => tokenizer.byteLength(batch.ids[i] ?? -1));
}

/** The sum over the labels of a depth of what each of them, by its place in `ids`, has, times its weight. */
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

/** For each part, and in it for each depth from 0 to `depths`, the share of what the batch's labels of that depth count for. */
export function labelShares(parts: readonly Batch[], depths: number, documentMask: boolean): number[][] {
  const counts = parts.map((part) =>
    Array.from({ length: depths + 1 }, (_, depth) => countLabels(part, depth, documentMask)),
  );
  const totals = Array.from({ length: depths + 1 }, (_, depth) => counts.reduce((sum, c) => sum + (c[depth] ?? 0), 0));
  // Where nothing counts in the whole batch, no part has a share.
  return counts.map((count) => count.map((own, depth) => (own === 0 ? 0 : own / totals[depth]!)));
}
