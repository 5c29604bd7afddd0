// Data that a program has in memory: how a run opens it, and what the run records about it.

import type { TrainConfig } from '../config/train-config.ts';
import { createDataset } from '../data/dataset.ts';
import { type GivenDocuments, textInMemory } from '../data/documents.ts';
import { givenMark } from '../data/tokenizers/given.ts';
import type { Dataset, Tokenizer } from '../data/types.ts';
import { UserError } from '../errors.ts';
import type { RunSettings } from './run-settings.ts';
import type { RunWatcher } from './run-watcher.ts';

/** In place of the text that `train.data` names: nothing, documents, or a whole dataset. */
export interface OwnData {
  /**
   * Documents in place of those that `train.data` names, or those of several domains by name. A document is a text, or
   * its token ids without the end token; `tokenizer` has to be the one that made the ids.
   */
  readonly documents?: GivenDocuments | Readonly<Record<string, GivenDocuments>>;
  /** A tokenizer in place of the one that `train.tokenizer` names. */
  readonly tokenizer?: Tokenizer;
  /**
   * A dataset with its own tokenizer. It must do what `Dataset` says, and return the same rows for an index every time.
   */
  readonly dataset?: Dataset;
}

type PreparationWatcher = Pick<RunWatcher, 'onPrepare'>;

/** The settings to record: with data from memory they do not name the preset's text or tokenizer. */
export function recordedTrain(train: TrainConfig, { documents, tokenizer, dataset }: OwnData): TrainConfig {
  const data = documents === undefined && dataset === undefined ? {} : { data: textInMemory };
  const given = dataset?.tokenizer ?? tokenizer;
  return { ...train, ...data, ...(given === undefined ? {} : { tokenizer: `${given.name}${givenMark}` }) };
}

/**
 * The dataset of a run.
 *
 * @throws UserError for own data that contradicts itself or the settings.
 */
export async function openData(train: TrainConfig, own: OwnData & PreparationWatcher): Promise<Dataset> {
  const { documents, tokenizer, dataset, onPrepare } = own;
  if (dataset === undefined) {
    return createDataset({
      ...train,
      ...(documents === undefined ? {} : { documents }),
      ...(tokenizer === undefined ? {} : { tokenizer }),
      ...(onPrepare === undefined ? {} : { onProgress: onPrepare }),
    });
  }
  if (documents !== undefined || tokenizer !== undefined) {
    throw new UserError('data: a dataset has its own text and tokenizer; leave documents and tokenizer out');
  }
  checkDataset(dataset, train);
  return dataset;
}

/**
 * The dataset of a run that goes on. Data from memory has to be given again. The tokenizer need not be: `recorded` is
 * that of the checkpoint, or of the model that the run was started from.
 *
 * @throws UserError if the run was trained on other data, or with another tokenizer.
 */
export async function openDataAgain(
  { train, init }: Pick<RunSettings, 'train' | 'init'>,
  own: OwnData & PreparationWatcher,
  recorded: Tokenizer | null,
): Promise<Dataset> {
  const { documents, dataset } = own;
  const hasText = documents !== undefined || dataset !== undefined;
  if (hasText && train.data !== textInMemory) {
    throw new UserError(`resume: the run was trained on ${train.data}; leave documents and dataset out`);
  }
  const isMade = init === undefined && !train.tokenizer.endsWith(givenMark);
  if (own.tokenizer !== undefined && isMade) {
    throw new UserError(`resume: the run was started with the tokenizer ${train.tokenizer}; leave tokenizer out`);
  }
  if (recorded === null) return openData(train, own);
  const kept = { ...recorded, name: train.tokenizer.replace(givenMark, '') };
  const isGiven = dataset !== undefined || own.tokenizer !== undefined;
  const opened = await openData(train, isGiven ? own : { ...own, tokenizer: kept });
  refuseOtherTokenizer(opened.tokenizer, kept, 'resume: the run');
  return opened;
}

/** Throws a `UserError` if a tokenizer that was given is not the one of the model, which `whose` names. */
export function refuseOtherTokenizer(tokenizer: Tokenizer, expected: Tokenizer, whose: string): void {
  if (tokenizer === expected) return;
  const contents = (of: Tokenizer) => JSON.stringify(of.toHuggingFace());
  if (contents(tokenizer) === contents(expected)) return;
  throw new UserError(
    `${whose} has the tokenizer ${expected.name} (${expected.vocabSize} tokens), and another one was given: ` +
      `${tokenizer.name} (${tokenizer.vocabSize} tokens); give the same one, or leave it out`,
  );
}

function checkDataset(dataset: Dataset, { seqLen }: TrainConfig): void {
  if (dataset.domains.length === 0) {
    throw new UserError('data: the dataset has no domain; it needs at least one, with held-out text');
  }
  const { seqLen: found } = dataset.trainBatch(0, 1);
  if (found === seqLen) return;
  throw new UserError(
    `data: the rows of the dataset have ${found} tokens, and seqLen is ${seqLen}; set seqLen to ${found}`,
  );
}
