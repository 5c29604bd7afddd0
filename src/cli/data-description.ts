// What `tinyseek data show` says of a corpus.

import type { Corpus } from '../data/corpus.ts';
import type { Remarks } from '../data/remarks.ts';

const beginningLength = 600;

export interface CorpusSummary {
  readonly domain: string;
  readonly weight: number;
  readonly documents: number;
  readonly bytes: number;
  /** The first characters of the first document. */
  readonly beginning: string;
}

/** Reads all of a corpus. */
export async function describeCorpus({ domain, weight, documents }: Corpus, remarks: Remarks): Promise<CorpusSummary> {
  let [count, bytes] = [0, 0];
  let beginning = '';
  for await (const { content, isStart } of documents.read(remarks)) {
    const text = String(content);
    if (count === 0) beginning = text.slice(0, beginningLength);
    if (isStart) count++;
    bytes += Buffer.byteLength(text);
  }
  return { domain, weight, documents: count, bytes, beginning };
}
