// Documents as tokens, piece by piece.

import { checkIds, type DocumentSource } from './documents.ts';
import type { TokenStream } from './packing.ts';
import type { Piece } from './pieces.ts';
import type { Tokenizer } from './types.ts';

/** A piece of a document as tokens. */
export interface TokenPiece {
  readonly ids: ArrayLike<number>;
  readonly isStart: boolean;
}

/** The tokens of all pieces of a source, in order. */
export type Encoder = (source: DocumentSource) => AsyncIterable<TokenPiece>;

/** Is told how many characters, or ids, a piece has that was encoded. */
export type OnPiece = (length: number) => Promise<void>;

/** Encodes without keeping anything. */
export function plainEncoder(tokenizer: Tokenizer, onPiece: OnPiece): Encoder {
  return async function* (source) {
    let document = -1;
    for await (const piece of source.read()) {
      if (piece.isStart) document++;
      yield { ids: idsOf(piece, document, tokenizer), isStart: piece.isStart };
      await onPiece(piece.content.length);
    }
  };
}

function idsOf({ content }: Piece, document: number, tokenizer: Tokenizer): Int32Array {
  if (typeof content === 'string') return tokenizer.encode(content);
  checkIds(content, document, tokenizer);
  return content;
}

const decodedAtOnce = 1 << 16;

/** The text of a stream. End tokens stand for no bytes, so it is that of the documents, end to end. */
export function decodeStream(stream: TokenStream, tokenizer: Tokenizer): string {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  const texts: string[] = [];
  for (let start = 0; start < stream.length; start += decodedAtOnce) {
    const { ids } = stream.slice(start, Math.min(decodedAtOnce, stream.length - start));
    texts.push(utf8.decode(tokenizer.decodeBytes(ids), { stream: true }));
  }
  return [...texts, utf8.decode()].join('');
}
