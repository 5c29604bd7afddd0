// What all tokenizers share: ids to bytes.

import { UserError } from '../../errors.ts';
import type { CompleteTokenizer, Tokenizer } from '../types.ts';
import type { FoundTokenIds } from './special-tokens.ts';

export interface ByteLevelOptions {
  readonly name: string;
  /** By id; null for special tokens and for ids without a token. */
  readonly tokenBytes: readonly (Uint8Array | null)[];
  readonly specials: FoundTokenIds;
  /** Tokens that end what a model generates. */
  readonly endTokenIds: readonly number[];
  /** Encodes text without lone surrogates. */
  readonly encode: (text: string) => ArrayLike<number>;
  /** See `Tokenizer`. */
  readonly encodeAside?: (text: string, signal?: AbortSignal) => Promise<ArrayLike<number>>;
  readonly toHuggingFace: () => Record<string, unknown>;
}

/**
 * A tokenizer over a table of byte strings.
 *
 * A lone surrogate has no UTF-8 form: it is encoded as U+FFFD, as TextEncoder and the Rust libraries do, so
 * `decode(encode(text))` is `text` for every string that is well-formed Unicode. A byte-order mark is kept.
 */
export function createByteLevelTokenizer(options: ByteLevelOptions): Tokenizer {
  const { name, tokenBytes, specials, encodeAside } = options;
  const wellFormed = (text: string) => text.replace(/\p{Cs}/gu, '\uFFFD');
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  const bytesOf = (id: number): Uint8Array | null => {
    const bytes = tokenBytes[id];
    if (bytes === undefined) throw outOfRange(name, id, tokenBytes.length);
    return bytes;
  };
  const lengthOf = (id: number): number => bytesOf(id)?.length ?? 0;
  // Called for every token that is generated: nothing but the result is allocated.
  const decodeBytes = (ids: ArrayLike<number>): Uint8Array => {
    let length = 0;
    for (let i = 0; i < ids.length; i++) length += lengthOf(ids[i]!);
    const result = new Uint8Array(length);
    let offset = 0;
    for (let i = 0; i < ids.length; i++) {
      const bytes = bytesOf(ids[i]!);
      if (bytes === null) continue;
      result.set(bytes, offset);
      offset += bytes.length;
    }
    return result;
  };
  return {
    name,
    vocabSize: tokenBytes.length,
    bosTokenId: specials.bos,
    eosTokenId: specials.eos,
    endTokenIds: options.endTokenIds,
    fim: fimTokens(specials),
    encode: (text) => new Int32Array(options.encode(wellFormed(text))),
    ...(encodeAside && {
      encodeAside: async (text, signal) => new Int32Array(await encodeAside(wellFormed(text), signal)),
    }),
    decodeBytes,
    decode: (ids) => utf8.decode(decodeBytes(ids)),
    byteLength: lengthOf,
    toHuggingFace: options.toHuggingFace,
  };
}

/** Whether a tokenizer lacks no special token. */
export function isComplete(tokenizer: Tokenizer): tokenizer is CompleteTokenizer {
  return tokenizer.bosTokenId !== null && tokenizer.eosTokenId !== null && tokenizer.fim !== null;
}

/** All three, or none. */
function fimTokens({ fimBegin: begin, fimHole: hole, fimEnd: end }: FoundTokenIds): Tokenizer['fim'] {
  return begin === null || hole === null || end === null ? null : { begin, hole, end };
}

function outOfRange(name: string, id: number, vocabSize: number): UserError {
  return new UserError(
    `tokenizer: token id ${id} is out of range; ${name} has ids 0 to ${vocabSize - 1}. Use the tokenizer the ids came from`,
  );
}
