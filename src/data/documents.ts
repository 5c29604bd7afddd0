// The documents of a domain: read from files when they are needed, or in the memory of a program.

import { UserError } from '../errors.ts';
import { cutIntoPieces, type Piece } from './pieces.ts';
import type { Remarks } from './remarks.ts';
import type { Tokenizer } from './types.ts';

/** Documents that can be read again and again, each time the same, a piece at a time. */
export interface DocumentSource {
  /** Whether the documents are token ids, without an end token. */
  readonly isTokenised: boolean;
  /** All pieces in order. What is worth knowing of them is added to `remarks`. */
  read(remarks?: Remarks): AsyncIterable<Piece>;
}

/** Documents of a program: texts, or token ids without the end token. */
export type GivenDocuments = Iterable<string | ArrayLike<number>>;

/** What a run records as its data when the documents came from the memory of a program. */
export const textInMemory = 'text in memory';

/** The texts of a source, piece by piece; there are none in token ids. */
export async function* textsOf(source: DocumentSource): AsyncGenerator<string> {
  for await (const { content } of source.read()) if (typeof content === 'string') yield content;
}

/** Documents in memory; blank ones are left out. */
export function memorySource(documents: readonly string[] | readonly Int32Array[]): DocumentSource {
  const pieces = () =>
    documents.flatMap((document) =>
      typeof document === 'string' ? cutIntoPieces(document) : [{ content: document, isStart: true }],
    );
  return {
    isTokenised: typeof documents[0] === 'object',
    read: async function* () {
      yield* pieces();
    },
  };
}

/**
 * Takes documents from a caller; blank ones are left out.
 *
 * @throws UserError if none is left, or if the kinds are mixed.
 */
export function readDocuments(given: GivenDocuments): DocumentSource {
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
  return memorySource(texts.length > 0 ? texts : filled);
}

/** Throws a `UserError` for an id that the tokenizer does not have. */
export function checkIds(ids: Int32Array, document: number, { name, vocabSize }: Tokenizer): void {
  const bad = ids.find((id) => id < 0 || id >= vocabSize);
  if (bad === undefined) return;
  throw new UserError(
    `data: document ${document} has the token id ${bad}, and tokenizer ${name} has ids 0 to ${vocabSize - 1}; ` +
      'give the tokenizer that made the ids',
  );
}
