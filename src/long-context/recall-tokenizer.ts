// The tokenizer of the language in `recall-language.ts`: bytes, and a token for each pair of a key and a value.
//
// One token a pair is what makes the task small: with a token for the key and one for its value, two layers must first
// learn to join them, which did not happen in twice the steps.

import { createBpeTokenizer } from '../data/tokenizers/bpe-tokenizer.ts';
import type { CompleteTokenizer } from '../data/types.ts';
import { keys, values } from '../evaluate/tasks/recall-language.ts';

/** Byte-level BPE with a merge for each pair: a `tokenizer.json` that every program reads. 389 tokens. */
export function recallTokenizer(): CompleteTokenizer {
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  const pairs = keys.flatMap((key) => values.map((value) => [key.charCodeAt(0), value.charCodeAt(0)] as const));
  return createBpeTokenizer('recall', {
    tokenBytes: [...bytes, ...pairs.map((pair) => Uint8Array.from(pair))],
    merges: pairs.map(([key, value], i) => [key, value, bytes.length + i] as const),
    splits: [],
  });
}
