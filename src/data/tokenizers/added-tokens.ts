// The tokens of a tokenizer that are not made from text: special tokens and other additions, by name.

import * as z from 'zod';
import type { Tokenizer } from '../types.ts';

const addedTokensSchema = z.object({ added_tokens: z.array(z.object({ id: z.int(), content: z.string() })) });

export interface AddedToken {
  readonly id: number;
  /** How it is written in a `tokenizer.json`, such as `<｜end▁of▁sentence｜>`. */
  readonly content: string;
}

/** Special tokens and other additions to the vocabulary; they stand for no bytes. */
export function addedTokens(tokenizer: Tokenizer): readonly AddedToken[] {
  return addedTokensSchema.parse(tokenizer.toHuggingFace()).added_tokens;
}
