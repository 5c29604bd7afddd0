// Documents as lists of texts, in place of pieces that are read one after the other.

import type { DocumentSource } from '../../src/data/documents.ts';
import type { Remarks } from '../../src/data/remarks.ts';

/** The documents of a source, whole. */
export async function documentsOf(source: DocumentSource, remarks?: Remarks): Promise<string[]> {
  const documents: string[] = [];
  for await (const { content, isStart } of source.read(remarks)) {
    if (isStart) documents.push('');
    documents[documents.length - 1] += String(content);
  }
  return documents;
}

/** A text in blocks of a given length, as a file is read. */
export async function* inBlocks<T extends { slice(start: number, end: number): T; readonly length: number }>(
  whole: T,
  length: number,
): AsyncGenerator<T> {
  for (let start = 0; start < whole.length; start += length) yield whole.slice(start, start + length);
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}
