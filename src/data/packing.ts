// Joins documents into one stream of tokens, and cuts the stream into rows.

import { UserError } from '../errors.ts';

/** The tokens of a domain, end to end. */
export interface TokenStream {
  readonly ids: Int32Array; // [L]
  /** Which document each id belongs to. */
  readonly documents: Int32Array; // [L]
}

/**
 * Joins documents with the end token.
 *
 * Without a document mask (the report's pre-training) the stream is `eos d0 eos d1 eos`: it begins with an end token so
 * that the first real token is predicted too, and every document follows one. An end token belongs to the document that
 * it ends. With the mask, no document may look at or be predicted from another, so each has an end token at both ends:
 * `eos d0 eos, eos d1 eos`. The only label that crosses documents is the first `eos` of a document, predicted from the
 * last `eos` of the one before.
 */
export function packDocuments(tokens: readonly Int32Array[], eosTokenId: number, documentMask: boolean): TokenStream {
  const opening = documentMask ? tokens.length : 1;
  const length = tokens.reduce((sum, ids) => sum + ids.length + 1, opening);
  const ids = new Int32Array(length).fill(eosTokenId);
  const documents = new Int32Array(length);
  let offset = 0;
  tokens.forEach((document, i) => {
    const start = i === 0 || documentMask ? offset + 1 : offset;
    ids.set(document, start);
    const end = start + document.length + 1;
    documents.fill(i, offset, end);
    offset = end;
  });
  return { ids, documents };
}

/** Number of rows of `seqLen + 1` ids, each overlapping the next by one, that a stream has. */
export function countRows(stream: TokenStream, seqLen: number): number {
  return Math.floor((stream.ids.length - 1) / seqLen);
}

/** `length` ids from `start`; the row counts its documents from 0. */
export function sliceRow(stream: TokenStream, start: number, length: number): TokenStream {
  const first = stream.documents[start]!;
  return {
    ids: stream.ids.slice(start, start + length),
    documents: stream.documents.slice(start, start + length).map((document) => document - first),
  };
}

/** Throws a UserError, with a fix, if a domain's training text does not fill one row. */
export function checkLength(stream: TokenStream, seqLen: number, domain: string): void {
  const length = stream.ids.length;
  if (length > seqLen) return;
  const fix = length > 2 ? `lower seqLen to at most ${length - 1} or add text` : 'add text';
  throw new UserError(
    `data: ${domain} has ${length} training tokens, fewer than the ${seqLen + 1} of one row (seqLen ${seqLen} + 1); ${fix}`,
  );
}
