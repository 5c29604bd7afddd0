// What tells the text of a run from another: a hash, kept in `run.json`.

import type { Dataset } from '../data/types.ts';
import { joinBytes } from '../io/join-bytes.ts';
import { encodeUtf8 } from '../io/utf8.ts';
import { digestOf } from '../runs/digest.ts';

/** Rows, and held-out tokens per domain, that stand for a dataset without a hash of its own. */
const comparedRows = 64;
const comparedTokens = 4096;

/**
 * SHA-256 of what is trained on and measured on: of all tokens in their order, or, for a dataset that a program made
 * and that has no hash, of its first rows.
 */
export async function dataSha256(dataset: Dataset): Promise<string> {
  if (dataset.sha256 !== undefined) return dataset.sha256();
  const batches = [
    ...Array.from({ length: comparedRows }, (_, i) => dataset.trainBatch(i, 1)),
    ...dataset.domains.flatMap((_, domain) => [...dataset.heldOutBatches(domain, 1, comparedTokens)]),
  ];
  const numbers = batches.flatMap(({ ids, documentIds }) => [ids, documentIds]);
  const bytes = numbers.map(({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength));
  return (await digestOf(joinBytes([...bytes, encodeUtf8(String(dataset.trainTokens))]))).sha256;
}
