// Documents that a program has in memory, in place of files: texts, or the token ids of texts.

import { UserError } from '../errors.ts';
import type { Tokenizer } from './types.ts';

/** The documents of one domain: all of them texts, or all of them token ids without an end token. */
export type Documents = readonly string[] | readonly Int32Array[];

/** What a run records as its data when the documents came from the memory of a program. */
export const textInMemory = 'text in memory';

/** Whether documents are token ids. */
export function isTokenised(documents: Documents): documents is readonly Int32Array[] {
  return typeof documents[0] === 'object';
}

/**
 * Takes documents from a caller; blank ones are left out.
 *
 * @throws UserError if none is left, or if the kinds are mixed.
 */
export function readDocuments(given: Iterable<string | ArrayLike<number>>): Documents {
  const texts: string[] = [];
  const rows: Int32Array[] = [];
  for (const document of given) {
    if (typeof document !== 'string') rows.push(Int32Array.from(document));
    else if (document.trim() !== '') texts.push(document);
  }
  const filled = rows.filter((ids) => ids.length > 0);
  if (texts.length > 0 && filled.length > 0) {
    throw new UserError('data: documents are texts and token ids mixed; give all of them in one form');
  }
  if (texts.length === 0 && filled.length === 0) {
    throw new UserError('data: documents are empty; expected at least one document with text');
  }
  return texts.length > 0 ? texts : filled;
}

/** Throws a `UserError` for an id that the tokenizer does not have. */
export function checkIds(documents: readonly Int32Array[], { name, vocabSize }: Tokenizer): void {
  for (const [i, ids] of documents.entries()) {
    const bad = ids.find((id) => id < 0 || id >= vocabSize);
    if (bad === undefined) continue;
    throw new UserError(
      `data: document ${i} has the token id ${bad}, and tokenizer ${name} has ids 0 to ${vocabSize - 1}; ` +
        'give the tokenizer that made the ids',
    );
  }
}

/** The texts of documents; those of ids as the tokenizer reads them. */
export function textsOf(documents: Documents, tokenizer: Tokenizer): readonly string[] {
  return isTokenised(documents) ? documents.map((ids) => tokenizer.decode(ids)) : documents;
}
