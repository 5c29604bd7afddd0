// Text to batches: corpora -> held-out split -> tokenizer -> rows; see `assemble-dataset.ts`.

import { UserError } from '../errors.ts';
import { assembleDataset, type RowOptions, type SplitCorpus } from './assemble-dataset.ts';
import type { Corpus, ReadingOptions } from './corpus.ts';
import { type GivenDocuments, readDocuments, textsOf } from './documents.ts';
import { type HeldOutSplit, splitHeldOut } from './held-out.ts';
import { host } from './host.ts';
import { type OnProgress, startStage } from './progress.ts';
import { Remarks } from './remarks.ts';
import { createTokenizer } from './tokenizers/create-tokenizer.ts';
import type { Dataset, Tokenizer } from './types.ts';

export interface DatasetOptions extends RowOptions, ReadingOptions {
  /** Corpus specification: `moby-dick:2,code:1,./notes/*.md`. Not read if there are `documents`. */
  readonly data?: string;
  /**
   * Text that is in memory: one domain, called `documents`, or several by name, each with an equal share of the rows. A
   * document is a text, or the ids of one without its end token, in which case `tokenizer` has to be the tokenizer that
   * made them.
   */
  readonly documents?: GivenDocuments | Readonly<Record<string, GivenDocuments>>;
  /**
   * A tokenizer or its specification; one that is trained is trained on the training documents only, except that
   * `chars` takes the characters of all documents.
   */
  readonly tokenizer: string | Tokenizer;
  /** Share of each domain's text that is held out, in whole documents as far as possible; see `splitHeldOut`. */
  readonly heldOutFraction: number;
  /**
   * Where tokenised corpora are kept; null: nowhere. Default: `$TINYSEEK_CACHE` or `~/.cache/tinyseek` for files,
   * nowhere for documents in memory.
   */
  readonly cacheDir?: string | null;
  /** Is told how far reading, training the tokenizer and tokenizing are. */
  readonly onProgress?: OnProgress;
}

type PreparedCorpus = SplitCorpus & HeldOutSplit;

/**
 * Reads, splits, tokenises and packs the corpora of a specification, or documents in memory.
 *
 * Files are read a piece at a time, several times over: what is kept in memory are their tokens.
 *
 * @throws UserError for a bad specification or file (see `loadCorpora`, `createTokenizer`), a share outside its range,
 * and a domain whose training text is shorter than one row.
 */
export async function createDataset(options: DatasetOptions): Promise<Dataset> {
  checkOptions(options);
  return host().whileReading(() => readDataset(options));
}

async function readDataset(options: DatasetOptions): Promise<Dataset> {
  const { heldOutFraction, seed, onProgress } = options;
  const sources = await findCorpora(options);
  const remarks = new Remarks();
  const onRead = startStage('reading', null, onProgress);
  const corpora: PreparedCorpus[] = [];
  for (const { domain, weight, documents } of sources) {
    const split = await splitHeldOut(documents, heldOutFraction, seed, { remarks, onRead });
    corpora.push({ domain, weight, ...split });
  }
  const tokenizer = await openTokenizer(options.tokenizer, corpora, onProgress);
  const length = corpora.reduce((sum, corpus) => sum + corpus.length, 0);
  const onPiece = startStage('tokenizing', length, onProgress);
  const encode = await host().encoder(tokenizer, cacheDirOf(options), onPiece);
  return {
    ...(await assembleDataset(corpora, tokenizer, encode, options, onPiece)),
    notes: [...sources.flatMap(({ notes }) => notes), ...remarks.lines()],
    warnings: corpora.flatMap((corpus) => warnOfLength(corpus, heldOutFraction)),
  };
}

async function findCorpora({ data, documents, ...options }: DatasetOptions): Promise<readonly Corpus[]> {
  if (documents !== undefined) {
    const domains = Symbol.iterator in documents ? { documents: documents as GivenDocuments } : documents;
    return Object.entries(domains).map(([domain, given]) => {
      return { domain, weight: 1, documents: readDocuments(given), notes: [] };
    });
  }
  if (data !== undefined) return host().loadCorpora(data, options);
  throw new UserError('data: expected a specification (data) or documents; found neither');
}

async function openTokenizer(
  wanted: string | Tokenizer,
  corpora: readonly PreparedCorpus[],
  onProgress: OnProgress | undefined,
): Promise<Tokenizer> {
  if (typeof wanted !== 'string') return wanted;
  async function* trainingTexts(): AsyncGenerator<string> {
    for (const { train, heldOut } of corpora) {
      if (train.isTokenised) refuseToTrainTokenizer();
      yield* textsOf(train);
      // A character that only the held-out text has could not be measured otherwise.
      if (wanted === 'chars') yield* textsOf(heldOut);
    }
  }
  return createTokenizer(wanted, trainingTexts, onProgress);
}

/** Held-out text of fewer characters, or tokens, than this says little: its loss is uncertain by a tenth of a nat. */
const tooShort = { characters: 2000, tokens: 600 } as const;

function warnOfLength({ domain, heldOut, heldOutLength, length }: PreparedCorpus, fraction: number): string[] {
  const unit = heldOut.isTokenised ? 'tokens' : 'characters';
  if (heldOutLength >= tooShort[unit]) return [];
  return [
    `data: of the ${length} ${unit} of ${domain}, ${heldOutLength} are held out: too few for losses and bits per byte ` +
      `on them to mean much; add text, or hold out more of it (heldOutFraction is ${fraction})`,
  ];
}

function cacheDirOf({ cacheDir, documents }: DatasetOptions): string | null | undefined {
  return cacheDir === undefined && documents !== undefined ? null : cacheDir;
}

function refuseToTrainTokenizer(): never {
  throw new UserError(
    'tokenizer: one cannot be trained on token ids; give the tokenizer that made them (tokenizer: a Tokenizer)',
  );
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
