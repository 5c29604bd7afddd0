// Documents to batches: tokenizer -> fill-in-the-middle -> packing -> rows read by index. No file is touched.
//
// Nothing here has a state that moves on: batch `index` is a function of (options, index), which is what makes a
// resumed run see exactly the rows that it would have seen.

import { UserError } from '../errors.ts';
import { heldOutBatches, stackSamples } from './batches.ts';
import { checkIds, type Documents, isTokenised, textsOf } from './documents.ts';
import { cutForFim, encodeFim } from './fill-in-the-middle.ts';
import { createMixture } from './mixture.ts';
import { checkLength, packDocuments, type TokenStream } from './packing.ts';
import { createRandom } from './random.ts';
import { createPunctuationSplitter } from './split-punctuation.ts';
import { createTrainingRows } from './training-rows.ts';
import type { Dataset, Sample, Tokenizer } from './types.ts';

/** How documents become rows. */
export interface RowOptions {
  readonly seqLen: number;
  readonly seed: number;
  /**
   * Documents that share a row are kept apart: each brings its own end token at both ends; absent: they are not. See
   * `packDocuments`.
   */
  readonly documentMask?: boolean;
  /** Share of the training documents rewritten for fill-in-the-middle; absent: 0. */
  readonly fimRate?: number;
  /** Share of the punctuation+newline tokens of the training documents that are split; absent: 0. */
  readonly splitPunctuationRate?: number;
}

/** The documents of one domain. */
export interface SplitCorpus {
  readonly domain: string;
  /** Share of the training rows, relative to the other domains. */
  readonly weight: number;
  readonly train: Documents;
  readonly heldOut: Documents;
}

/** Texts to token ids, document by document. */
export type Encoder = (texts: readonly string[]) => readonly Int32Array[];

interface Domain {
  readonly trainTokens: number;
  readonly trainRow: (position: number) => TokenStream;
  readonly heldOut: TokenStream;
  readonly heldOutText: string;
}

/**
 * Tokenises and packs documents.
 *
 * @throws UserError for a domain whose training text is shorter than one row, and for a tokenizer that has no token
 * between documents.
 */
export function assembleDataset(
  corpora: readonly SplitCorpus[],
  tokenizer: Tokenizer,
  encode: Encoder,
  options: RowOptions,
): Dataset {
  const prepare = createPreparation(options, tokenizer, encode);
  const domains = corpora.map(prepare);
  const mixture = createMixture(corpora.map((corpus) => corpus.weight));

  const trainSample = (index: number): Sample => {
    const { domain, position } = mixture(index);
    const row = domains[domain]!.trainRow(position);
    return { ids: row.ids, documentIds: row.documents, domain };
  };
  return {
    tokenizer,
    domains: corpora.map((corpus) => corpus.domain),
    trainTokens: domains.reduce((sum, domain) => sum + domain.trainTokens, 0),
    trainBatch: (index, batchSize) => stackSamples(Array.from({ length: batchSize }, (_, i) => trainSample(index + i))),
    heldOutBatches: (domain, batchSize, maxTokens) =>
      heldOutBatches(domains[domain]!.heldOut, domain, options.seqLen, batchSize, maxTokens),
    heldOutText: (domain) => domains[domain]!.heldOutText,
  };
}

/** @throws UserError for a tokenizer that has no token between documents. */
function endOfDocument({ name, eosTokenId }: Tokenizer): number {
  if (eosTokenId !== null) return eosTokenId;
  throw new UserError(
    `data: the tokenizer ${name} has no token that ends a document, which training needs; name one of its tokens as ` +
      'eos_token in the tokenizer_config.json of the model, or train from scratch with --tokenizer file:PATH, which ' +
      'adds one',
  );
}

/** A function that turns one corpus into streams. */
function createPreparation(
  options: RowOptions,
  tokenizer: Tokenizer,
  encode: Encoder,
): (corpus: SplitCorpus) => Domain {
  const { seqLen, seed, fimRate = 0, splitPunctuationRate = 0, documentMask = false } = options;
  const splitPunctuation = createPunctuationSplitter(tokenizer, splitPunctuationRate);
  const eosTokenId = endOfDocument(tokenizer);

  const idsOf = (documents: Documents): readonly Int32Array[] => {
    if (!isTokenised(documents)) return encode(documents);
    checkIds(documents, tokenizer);
    return documents;
  };
  const augment = (text: string | undefined, plain: Int32Array, domain: string, i: number): Int32Array => {
    const random = createRandom(seed, domain, 'augment', i);
    const isRewritten = random.next() < fimRate;
    return splitPunctuation(isRewritten ? encodeFim(cutForFim(text!, random), tokenizer) : plain, random);
  };
  return ({ domain, train, heldOut }) => {
    if (fimRate > 0 && isTokenised(train)) {
      throw new UserError('data: fimRate needs texts, and documents are token ids; set fimRate to 0');
    }
    const texts = isTokenised(train) ? [] : train;
    const trainIds = idsOf(train).map((plain, i) => augment(texts[i], plain, domain, i));
    const stream = packDocuments(trainIds, eosTokenId, documentMask);
    checkLength(stream, seqLen, domain);
    return {
      trainTokens: stream.ids.length,
      trainRow: createTrainingRows(stream, seqLen, seed, domain),
      heldOut: packDocuments(idsOf(heldOut), eosTokenId, documentMask),
      heldOutText: textsOf(heldOut, tokenizer).join(''),
    };
  };
}
