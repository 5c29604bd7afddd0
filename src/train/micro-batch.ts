// Gradient accumulation: a batch in equal parts, and what each part counts for.
//
// Averaging the parts' mean losses would weigh a label more in a part that has few (a document mask drops labels that
// cross a document boundary). So each loss of a part is weighted by its share of that loss's labels in the whole batch,
// and the gradients of the parts are then simply added: main and MTP losses are those of the undivided batch. The
// balance loss goes by rows; under `batch-aux` it still looks at one part at a time.
// Shape legend: B rows, T tokens in a row.

import type { Batch, Tokenizer } from '../data/types.ts';
import { tf } from '../tensor/tf.ts';
import type { LossInput } from './loss.ts';

/** Rows of a batch in `parts` batches of the same size, which must divide it. The parts share its memory. */
export function splitBatch(batch: Batch, parts: number): Batch[] {
  const rows = batch.batchSize / parts;
  if (!Number.isInteger(rows)) throw new Error(`internal: ${batch.batchSize} rows cannot be split in ${parts} parts`);
  const width = batch.seqLen + 1;
  return Array.from({ length: parts }, (_, i) => ({
    batchSize: rows,
    seqLen: batch.seqLen,
    ids: batch.ids.subarray(i * rows * width, (i + 1) * rows * width),
    documentIds: batch.documentIds.subarray(i * rows * width, (i + 1) * rows * width),
    domains: batch.domains.subarray(i * rows, (i + 1) * rows),
  }));
}

/** What the loss takes. Ownership: both tensors belong to the caller (or its tidy). */
export function lossInput(batch: Batch, documentMask: boolean): LossInput {
  const shape: [number, number] = [batch.batchSize, batch.seqLen + 1];
  return {
    ids: tf.tensor2d(batch.ids, shape, 'int32'),
    documentIds: documentMask ? tf.tensor2d(batch.documentIds, shape, 'int32') : null,
  };
}

/**
 * Labels at MTP depth `depth` (0 is the main model): position i predicts token i + depth + 1 of its row, unless a mask
 * is on and that token belongs to another document.
 *
 * Example: T = 3, documents [0, 0, 1, 1]: depth 0 has 3 labels without the mask, 2 with it; depth 1 has 2 and 0.
 */
export function countLabels(batch: Batch, depth: number, documentMask: boolean): number {
  return labelIndices(batch, depth, documentMask).length;
}

/** Bytes that the labels of the main model stand for. */
export function countLabelBytes(batch: Batch, documentMask: boolean, tokenizer: Pick<Tokenizer, 'byteLength'>): number {
  return labelIndices(batch, 0, documentMask).reduce((sum, i) => sum + tokenizer.byteLength(batch.ids[i] ?? -1), 0);
}

/** Where in `ids` the labels of a depth stand. */
function labelIndices({ seqLen, ids, documentIds }: Batch, depth: number, documentMask: boolean): number[] {
  const distance = depth + 1;
  const isLabel = (i: number) =>
    i % (seqLen + 1) >= distance && (!documentMask || documentIds[i] === documentIds[i - distance]);
  return Array.from(ids.keys()).filter(isLabel);
}

/** For each part, and in it for each depth from 0 to `depths`, the share of the batch's labels of that depth. */
export function labelShares(parts: readonly Batch[], depths: number, documentMask: boolean): number[][] {
  const counts = parts.map((part) =>
    Array.from({ length: depths + 1 }, (_, depth) => countLabels(part, depth, documentMask)),
  );
  const totals = Array.from({ length: depths + 1 }, (_, depth) => counts.reduce((sum, c) => sum + (c[depth] ?? 0), 0));
  return counts.map((count) => count.map((labels, depth) => labels / Math.max(1, totals[depth] ?? 0)));
}
