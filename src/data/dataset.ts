// Text to batches: corpora -> held-out split -> tokenizer -> rows; see `assemble-dataset.ts`.

import { UserError } from '../errors.ts';
import { assembleDataset, type RowOptions } from './assemble-dataset.ts';
import { type Documents, isTokenised, readDocuments } from './documents.ts';
import { splitHeldOut } from './held-out.ts';
import { host } from './host.ts';
import { createTokenizer } from './tokenizers/create-tokenizer.ts';
import type { Dataset, Tokenizer } from './types.ts';

export interface DatasetOptions extends RowOptions {
  /** Corpus specification: `moby-dick:2,code:1,./notes/*.md`. Not read if there are `documents`. */
  readonly data?: string;
  /**
   * Text that is in memory: one domain, called `documents`. A document is a text, or the ids of one without its end
   * token, in which case `tokenizer` has to be the tokenizer that made them.
   */
  readonly documents?: Iterable<string | ArrayLike<number>>;
  /** A tokenizer or its specification; one that is trained is trained on the training documents only. */
  readonly tokenizer: string | Tokenizer;
  /** Share of each domain's text that is held out, in whole documents; see `splitHeldOut`. */
  readonly heldOutFraction: number;
  /**
   * Where tokenised corpora are kept; null: nowhere. Default: `$TINYSEEK_CACHE` or `~/.cache/tinyseek` for files,
   * nowhere for documents in memory.
   */
  readonly cacheDir?: string | null;
}

interface LabelledDocuments {
  readonly domain: string;
  readonly weight: number;
  readonly documents: Documents;
}

/**
 * Reads, splits, tokenises and packs the corpora of a specification, or documents in memory.
 *
 * @throws UserError for a bad specification or file (see `loadCorpora`, `createTokenizer`), a share outside its range,
 * and a domain whose training text is shorter than one row.
 */
export async function createDataset(options: DatasetOptions): Promise<Dataset> {
  checkOptions(options);
  const sources = await readCorpora(options);
  const corpora = sources.map(({ documents, ...corpus }) => {
    return { ...corpus, ...splitHeldOut(documents, options.heldOutFraction, options.seed) };
  });
  const trainingTexts = () => corpora.flatMap(({ train }) => (isTokenised(train) ? refuseToTrainTokenizer() : train));
  const tokenizer =
    typeof options.tokenizer === 'string' ? await createTokenizer(options.tokenizer, trainingTexts) : options.tokenizer;
  const encode = await host().encoder(tokenizer, cacheDirOf(options));
  return assembleDataset(corpora, tokenizer, encode, options);
}

async function readCorpora({ data, documents }: DatasetOptions): Promise<readonly LabelledDocuments[]> {
  if (documents !== undefined) return [{ domain: 'documents', weight: 1, documents: readDocuments(documents) }];
  if (data !== undefined) return host().loadCorpora(data);
  throw new UserError('data: expected a specification (data) or documents; found neither');
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
