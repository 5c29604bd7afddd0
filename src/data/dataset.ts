// Text to batches: corpora -> held-out split -> tokenizer -> fill-in-the-middle -> packing -> rows read by index.
//
// Nothing here has a state that moves on: batch `index` is a function of (options, index), which is what makes a resumed
// run see exactly the rows that it would have seen.

import { UserError } from '../errors.ts';
import { heldOutBatches, stackSamples } from './batches.ts';
import { type Corpus, loadCorpora } from './corpora/load-corpora.ts';
import { cutForFim, encodeFim } from './fill-in-the-middle.ts';
import { type HeldOutSplit, splitHeldOut } from './held-out.ts';
import { createMixture } from './mixture.ts';
import { checkLength, packDocuments, type TokenStream } from './packing.ts';
import { createRandom } from './random.ts';
import { createPunctuationSplitter } from './split-punctuation.ts';
import { createCachedEncoder, defaultCacheDir } from './token-cache.ts';
import { createTokenizer } from './tokenizers/create-tokenizer.ts';
import { createTrainingRows } from './training-rows.ts';
import type { Dataset, Sample, Tokenizer } from './types.ts';

export interface DatasetOptions {
  /** Corpus specification: `moby-dick:2,code:1,./notes/*.md`. */
  readonly data: string;
  /** A tokenizer or its specification; one that is trained is trained on the training documents only. */
  readonly tokenizer: string | Tokenizer;
  readonly seqLen: number;
  readonly seed: number;
  /** Share of each domain's text that is held out, in whole documents; see `splitHeldOut`. */
  readonly heldOutFraction: number;
  /**
   * Documents that share a row are kept apart: each brings its own end token at both ends; absent: they are not. See
   * `packDocuments`.
   */
  readonly documentMask?: boolean;
  /** Share of the training documents rewritten for fill-in-the-middle; absent: 0. */
  readonly fimRate?: number;
  /** Share of the punctuation+newline tokens of the training documents that are split; absent: 0. */
  readonly splitPunctuationRate?: number;
  /** Where tokenised corpora are kept; null: nowhere. Default: `$TINYSEEK_CACHE` or `~/.cache/tinyseek`. */
  readonly cacheDir?: string | null;
}

interface Domain {
  readonly trainTokens: number;
  readonly trainRow: (position: number) => TokenStream;
  readonly heldOut: TokenStream;
  readonly heldOutText: string;
}

/**
 * Reads, splits, tokenises and packs the corpora of a specification.
 *
 * Throws a UserError for a bad specification or file (see `loadCorpora`, `createTokenizer`), a share outside its range, and a
 * domain whose training text is shorter than one row.
 */
export async function createDataset(options: DatasetOptions): Promise<Dataset> {
  checkOptions(options);
  const corpora = loadCorpora(options.data);
  const splits = corpora.map((corpus) => splitHeldOut(corpus.documents, options.heldOutFraction, options.seed));
  const tokenizer = await resolveTokenizer(options.tokenizer, splits);
  const prepare = createPreparation(options, tokenizer);
  const domains = corpora.map((corpus, i) => prepare(corpus, splits[i]!));
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

function checkOptions(options: DatasetOptions): void {
  const { seqLen, heldOutFraction } = options;
  if (!Number.isInteger(seqLen) || seqLen < 1) {
    throw new UserError(`data: seqLen must be a positive whole number, found ${seqLen}; try 128`);
  }
  if (!(heldOutFraction > 0 && heldOutFraction < 1)) {
    throw new UserError(`data: heldOutFraction must be above 0 and below 1, found ${heldOutFraction}; try 0.05`);
  }
  for (const key of ['fimRate', 'splitPunctuationRate'] as const) {
    const rate = options[key] ?? 0;
    if (rate >= 0 && rate <= 1) continue;
    throw new UserError(`data: ${key} must be between 0 and 1, found ${rate}; try 0.1`);
  }
}

async function resolveTokenizer(tokenizer: string | Tokenizer, splits: readonly HeldOutSplit[]): Promise<Tokenizer> {
  if (typeof tokenizer !== 'string') return tokenizer;
  return createTokenizer(tokenizer, () => splits.flatMap((split) => split.train));
}

/** A function that turns one corpus into streams. */
function createPreparation(
  options: DatasetOptions,
  tokenizer: Tokenizer,
): (corpus: Corpus, split: HeldOutSplit) => Domain {
  const { seqLen, seed, fimRate = 0, splitPunctuationRate = 0, documentMask = false } = options;
  const encode = createCachedEncoder(tokenizer, options.cacheDir === undefined ? defaultCacheDir() : options.cacheDir);
  const splitPunctuation = createPunctuationSplitter(tokenizer, splitPunctuationRate);

  const augment = (text: string, plain: Int32Array, domain: string, i: number): Int32Array => {
    const random = createRandom(seed, domain, 'augment', i);
    const ids = random.next() < fimRate ? encodeFim(cutForFim(text, random), tokenizer) : plain;
    return splitPunctuation(ids, random);
  };
  return ({ domain }, { train, heldOut }) => {
    const trainIds = encode(train).map((plain, i) => augment(train[i]!, plain, domain, i));
    const stream = packDocuments(trainIds, tokenizer.eosTokenId, documentMask);
    checkLength(stream, seqLen, domain);
    return {
      trainTokens: stream.ids.length,
      trainRow: createTrainingRows(stream, seqLen, seed, domain),
      heldOut: packDocuments(encode(heldOut), tokenizer.eosTokenId, documentMask),
      heldOutText: heldOut.join(''),
    };
  };
}
