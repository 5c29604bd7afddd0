// The special tokens of every tokenizer here, with DeepSeek-V3's names.

/** The ids of the special tokens, by their roles. */
export interface SpecialTokenIds {
  readonly bos: number;
  readonly eos: number;
  readonly fimBegin: number;
  readonly fimHole: number;
  readonly fimEnd: number;
}

/** The same of a tokenizer from elsewhere, which may lack some. */
export type FoundTokenIds = { readonly [Role in keyof SpecialTokenIds]: number | null };

/** Names as in DeepSeek-V3's `tokenizer.json`: full-width bars and a low block for the blank. */
export const specialTokens: Readonly<Record<keyof SpecialTokenIds, string>> = {
  bos: '<｜begin▁of▁sentence｜>',
  eos: '<｜end▁of▁sentence｜>',
  fimBegin: '<｜fim▁begin｜>',
  fimHole: '<｜fim▁hole｜>',
  fimEnd: '<｜fim▁end｜>',
};

/** The roles in the order of their ids. */
export const specialRoles = ['bos', 'eos', 'fimBegin', 'fimHole', 'fimEnd'] as const;

/** The five ids after `numTokens` ordinary tokens. */
export function specialTokensFrom(numTokens: number): SpecialTokenIds {
  return {
    bos: numTokens,
    eos: numTokens + 1,
    fimBegin: numTokens + 2,
    fimHole: numTokens + 3,
    fimEnd: numTokens + 4,
  };
}

/** An entry of `added_tokens` in a `tokenizer.json`. */
export function addedToken(id: number, content: string): Record<string, unknown> {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}
