// How many tokens a tokenizer makes of a corpus, and other counts.

import { loadCorpora } from './corpora/load-corpora.ts';
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

/** Counts per domain of a whole specification, nothing held out; a trained tokenizer is trained on all of it. */
export async function datasetStatistics(data: string, tokenizer: string | Tokenizer): Promise<DomainStatistics[]> {
  const corpora = loadCorpora(data);
  const resolved =
    typeof tokenizer === 'string'
      ? await createTokenizer(tokenizer, () => corpora.flatMap((corpus) => corpus.documents))
      : tokenizer;
  return corpora.map(({ domain, documents }) => domainStatistics(domain, documents, resolved));
}

function domainStatistics(domain: string, documents: readonly string[], tokenizer: Tokenizer): DomainStatistics {
  const distinct = new Set<number>();
  let [bytes, tokens] = [0, 0];
  for (const text of documents) {
    const ids = tokenizer.encode(text);
    bytes += Buffer.byteLength(text);
    tokens += ids.length;
    for (const id of ids) distinct.add(id);
  }
  return {
    domain,
    documents: documents.length,
    bytes,
    tokens,
    bytesPerToken: bytes / tokens,
    distinctIds: distinct.size,
  };
}
