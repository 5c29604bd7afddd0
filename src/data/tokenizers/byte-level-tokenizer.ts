// What all tokenizers share: ids to bytes.

import { UserError } from '../../errors.ts';
import type { Tokenizer } from '../types.ts';
import type { SpecialTokenIds } from './special-tokens.ts';

export interface ByteLevelOptions {
  readonly name: string;
  /** By id; null for special tokens and for ids without a token. */
  readonly tokenBytes: readonly (Uint8Array | null)[];
  readonly specials: SpecialTokenIds;
  /** Encodes text without lone surrogates. */
  readonly encode: (text: string) => ArrayLike<number>;
  readonly toHuggingFace: () => Record<string, unknown>;
}

/**
 * A tokenizer over a table of byte strings.
 *
 * A lone surrogate has no UTF-8 form: it is encoded as U+FFFD, as TextEncoder and the Rust libraries do, so
 * `decode(encode(text))` is `text` for every string that is well-formed Unicode. A byte-order mark is kept.
 */
export function createByteLevelTokenizer(options: ByteLevelOptions): Tokenizer {
  const { name, tokenBytes, specials } = options;
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  const bytesOf = (id: number): Uint8Array | null => {
    const bytes = tokenBytes[id];
    if (bytes === undefined) throw outOfRange(name, id, tokenBytes.length);
    return bytes;
  };
  const decodeBytes = (ids: ArrayLike<number>): Uint8Array => concatenate(Array.from(ids, bytesOf));
  return {
    name,
    vocabSize: tokenBytes.length,
    bosTokenId: specials.bos,
    eosTokenId: specials.eos,
    fim: { begin: specials.fimBegin, hole: specials.fimHole, end: specials.fimEnd },
    encode: (text) => new Int32Array(options.encode(text.replace(/\p{Cs}/gu, '\uFFFD'))),
    decodeBytes,
    decode: (ids) => utf8.decode(decodeBytes(ids)),
    byteLength: (id) => bytesOf(id)?.length ?? 0,
    toHuggingFace: options.toHuggingFace,
  };
}

function outOfRange(name: string, id: number, vocabSize: number): UserError {
  return new UserError(
    `tokenizer: token id ${id} is out of range; ${name} has ids 0 to ${vocabSize - 1}. Use the tokenizer the ids came from`,
  );
}

function concatenate(parts: readonly (Uint8Array | null)[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0));
  let offset = 0;
  for (const part of parts) {
    if (part === null) continue;
    result.set(part, offset);
    offset += part.length;
  }
  return result;
}
