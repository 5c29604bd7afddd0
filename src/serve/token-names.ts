// How a single token is written in an answer: its text, or its bytes where they are no text by themselves.

import { addedTokens } from '../data/tokenizers/added-tokens.ts';
import type { Tokenizer } from '../data/types.ts';

export interface TokenNames {
  /** The text, `bytes:\xe2\x80` for a piece of a character, or the name of a special token. */
  text(id: number): string;
  /** Empty for a special token. */
  bytes(id: number): Uint8Array;
}

const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;

export function createTokenNames(tokenizer: Tokenizer): TokenNames {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const special = new Map(addedTokens(tokenizer).map(({ id, content }) => [id, content]));
  // A vocabulary may be padded: the model can choose ids that stand for nothing.
  const bytes = (id: number) => (id < tokenizer.vocabSize ? tokenizer.decodeBytes([id]) : new Uint8Array());
  const text = (id: number) => {
    const name = special.get(id);
    if (name !== undefined) return name;
    try {
      return utf8.decode(bytes(id));
    } catch {
      return `bytes:${Array.from(bytes(id), hex).join('')}`;
    }
  };
  return { text, bytes };
}
