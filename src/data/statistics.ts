// How many tokens a tokenizer makes of a corpus, and other counts.

import type { ReadingOptions } from './corpus.ts';
import { loadCorpora } from './corpora/load-corpora.ts';
import { type DocumentSource, textsOf } from './documents.ts';
import { type OnProgress, startStage } from './progress.ts';
import { Remarks } from './remarks.ts';
import { createTokenizer } from './tokenizers/create-tokenizer.ts';
import type { Tokenizer } from './types.ts';

export interface DomainStatistics {
  readonly domain: string;
  readonly documents: number;
  readonly bytes: number;
  readonly tokens: number;
  readonly bytesPerToken: number;
  /** How many different ids the text uses. */
  readonly distinctIds: number;
}

export interface StatisticsOptions extends ReadingOptions {
  readonly onProgress?: OnProgress;
  /** Is told what is worth knowing of the files, once they are read. */
  readonly onNote?: (note: string) => void;
}

/** Counts per domain of a whole specification, nothing held out; a trained tokenizer is trained on all of it. */
export async function datasetStatistics(
  data: string,
  tokenizer: string | Tokenizer,
  options: StatisticsOptions = {},
): Promise<DomainStatistics[]> {
  const { onProgress, onNote } = options;
  const corpora = loadCorpora(data, options);
  async function* texts(): AsyncGenerator<string> {
    for (const { documents } of corpora) yield* textsOf(documents);
  }
  const resolved = typeof tokenizer === 'string' ? await createTokenizer(tokenizer, texts, onProgress) : tokenizer;
  const remarks = new Remarks();
  const onPiece = startStage('tokenizing', null, onProgress);
  const statistics: DomainStatistics[] = [];
  for (const { domain, documents } of corpora) {
    statistics.push(await domainStatistics(domain, documents, resolved, remarks, onPiece));
  }
  for (const note of [...corpora.flatMap(({ notes }) => notes), ...remarks.lines()]) onNote?.(note);
  return statistics;
}

async function domainStatistics(
  domain: string,
  source: DocumentSource,
  tokenizer: Tokenizer,
  remarks: Remarks,
  onPiece: (characters: number) => Promise<void>,
): Promise<DomainStatistics> {
  const distinct = new Set<number>();
  let [documents, bytes, tokens] = [0, 0, 0];
  for await (const { content, isStart } of source.read(remarks)) {
    const text = String(content);
    const ids = tokenizer.encode(text);
    if (isStart) documents++;
    bytes += Buffer.byteLength(text);
    tokens += ids.length;
    for (const id of ids) distinct.add(id);
    await onPiece(text.length);
  }
  return { domain, documents, bytes, tokens, bytesPerToken: bytes / tokens, distinctIds: distinct.size };
}
