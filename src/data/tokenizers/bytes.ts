// The smallest tokenizer: one token a byte.

import type { CompleteTokenizer } from '../types.ts';
import { createBpeTokenizer } from './bpe-tokenizer.ts';

/** 256 tokens whose ids are the bytes, and the 5 special ones after them. */
export function createBytesTokenizer(): CompleteTokenizer {
  const tokenBytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  return createBpeTokenizer('bytes', { tokenBytes, merges: [], splits: [] });
}
