// Documents to batches: tokenizer -> fill-in-the-middle -> packing -> rows read by index. No file is touched.
//
// Nothing here has a state that moves on: batch `index` is a function of (options, index), which is what makes a
// resumed run see exactly the rows that it would have seen.

import { UserError } from '../errors.ts';
import { heldOutBatches, stackSamples } from './batches.ts';
import type { DocumentSource } from './documents.ts';
import { decodeStream, type Encoder, type OnPiece, type TokenPiece } from './encode.ts';
import { createMixture } from './mixture.ts';
import { checkLength, createPacker, type TokenStream } from './packing.ts';
import { createRewriter, type Rewriting } from './rewriting.ts';
import { hashStreams } from './stream-hash.ts';
import { createTrainingRows } from './training-rows.ts';
import type { Batch, Dataset, Sample, Tokenizer } from './types.ts';

/** How documents become rows. */
export interface RowOptions extends Rewriting {
  readonly seqLen: number;
  /**
   * Every second batch has rows of this length, which divides `seqLen`, as many as make the same number of tokens;
   * absent or 0: none has.
   */
  readonly alternateSeqLen?: number;
  readonly seed: number;
  /**
   * Documents that share a row are kept apart: each brings its own end token at both ends; absent: they are not. See
   * `createPacker`.
   */
  readonly documentMask?: boolean;
}

/** The documents of one domain. */
export interface SplitCorpus {
  readonly domain: string;
  /** Share of the training rows, relative to the other domains. */
  readonly weight: number;
  readonly train: DocumentSource;
  readonly heldOut: DocumentSource;
}

type RowAt = ReturnType<typeof createTrainingRows>;

interface Domain {
  readonly train: TokenStream;
  readonly trainRow: RowAt;
  /** Rows of `alternateSeqLen`; null where there are none. */
  readonly alternateRow: RowAt | null;
  readonly heldOut: TokenStream;
}

/**
 * Tokenises and packs documents.
 *
 * @throws UserError for a domain whose training text is shorter than one row, and for a tokenizer that has no token
 * between documents.
 */
export async function assembleDataset(
  corpora: readonly SplitCorpus[],
  tokenizer: Tokenizer,
  encode: Encoder,
  options: RowOptions,
  onPiece: OnPiece,
): Promise<Dataset> {
  const { seqLen, alternateSeqLen = 0, seed } = options;
  const rewrite = createRewriter(options, tokenizer, seed, onPiece);
  const domains: Domain[] = [];
  for (const { domain, train, heldOut } of corpora) {
    const stream = await packPieces(rewrite(train, encode, domain), tokenizer, options);
    checkLength(stream, seqLen, domain);
    domains.push({
      train: stream,
      trainRow: createTrainingRows(stream, seqLen, seed, domain),
      alternateRow: alternateSeqLen === 0 ? null : createTrainingRows(stream, alternateSeqLen, seed, domain),
      heldOut: await packPieces(encode(heldOut), tokenizer, options),
    });
  }
  const mixture = createMixture(corpora.map((corpus) => corpus.weight));

  const trainSample = (index: number, isAlternate: boolean): Sample => {
    const { domain, position } = mixture(index);
    const { trainRow, alternateRow } = domains[domain]!;
    const row = ((isAlternate ? alternateRow : null) ?? trainRow)(position);
    return { ids: row.ids, documentIds: row.documents, domain };
  };
  const trainBatch = (index: number, batchSize: number): Batch => {
    const isAlternate = alternateSeqLen > 0 && Math.floor(index / batchSize) % 2 === 1;
    const times = isAlternate ? Math.floor(seqLen / alternateSeqLen) : 1;
    const samples = Array.from({ length: batchSize * times }, (_, i) => trainSample(index * times + i, isAlternate));
    return stackSamples(samples);
  };
  return {
    tokenizer,
    domains: corpora.map((corpus) => corpus.domain),
    trainTokens: domains.reduce((sum, { train }) => sum + train.length, 0),
    trainBatch,
    heldOutBatches: (domain, batchSize, maxTokens) =>
      heldOutBatches(domains[domain]!.heldOut, domain, seqLen, batchSize, maxTokens),
    heldOutText: (domain) => decodeStream(domains[domain]!.heldOut, tokenizer),
    sha256: () => hashStreams(domains.flatMap(({ train, heldOut }) => [train, heldOut])),
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

async function packPieces(
  pieces: AsyncIterable<TokenPiece>,
  tokenizer: Tokenizer,
  { documentMask = false }: RowOptions,
): Promise<TokenStream> {
  const packer = createPacker(endOfDocument(tokenizer), documentMask, tokenizer.vocabSize);
  let documents = 0;
  for await (const { ids, isStart } of pieces) {
    if (isStart) {
      if (documents > 0) packer.end();
      packer.begin();
      documents++;
    }
    packer.add(ids);
  }
  if (documents > 0) packer.end();
  return packer.finish();
}
