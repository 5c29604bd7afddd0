// Joins rows into batches, and reads the held-out text in batches.

import { countRows, type TokenStream } from './packing.ts';
import type { Batch, Sample } from './types.ts';

/** Rows of equal length, one after the other. */
export function stackSamples(samples: readonly Sample[]): Batch {
  const rowLength = samples[0]?.ids.length ?? 0;
  const ids = new Int32Array(samples.length * rowLength);
  const documentIds = new Int32Array(ids.length);
  samples.forEach((sample, i) => {
    ids.set(sample.ids, i * rowLength);
    documentIds.set(sample.documentIds, i * rowLength);
  });
  const domains = Int32Array.from(samples, (sample) => sample.domain);
  return { batchSize: samples.length, seqLen: rowLength - 1, ids, documentIds, domains };
}

/**
 * The whole stream in order, every id but the first as a target exactly once.
 *
 * Full rows come in batches of `batchSize`, the last of which may have fewer rows; the remainder is a batch of one
 * shorter row. Nothing is padded. Stops after the batch that reaches `maxTokens` targets.
 */
export function* heldOutBatches(
  stream: TokenStream,
  domain: number,
  seqLen: number,
  batchSize: number,
  maxTokens = Number.POSITIVE_INFINITY,
): Generator<Batch> {
  const numTargets = stream.length - 1;
  const fullTargets = countRows(stream, seqLen) * seqLen;
  const sampleAt = (start: number, length: number): Sample => {
    const row = stream.slice(start, length + 1);
    return { ids: row.ids, documentIds: row.documents, domain };
  };
  for (let start = 0; start < numTargets && start < maxTokens; ) {
    const length = start < fullTargets ? seqLen : numTargets - fullTargets;
    const rows = start < fullTargets ? Math.min(batchSize, (fullTargets - start) / seqLen) : 1;
    const from = start;
    yield stackSamples(Array.from({ length: rows }, (_, i) => sampleAt(from + i * length, length)));
    start += rows * length;
  }
}
