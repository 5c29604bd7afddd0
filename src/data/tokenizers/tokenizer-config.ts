// The `tokenizer_config.json` and the `generation_config.json` that go with a `tokenizer.json`.

import type { Tokenizer } from '../types.ts';
import { addedTokens } from './added-tokens.ts';

/**
 * The contents of a Hugging Face `tokenizer_config.json`.
 *
 * No beginning-of-sentence token is added to prompts: in training a document follows the end of the one before it. The
 * end token pads, as in DeepSeek-V3.
 */
export function tokenizerConfig(tokenizer: Tokenizer): Record<string, unknown> {
  const added = addedTokens(tokenizer);
  const nameOf = (id: number | null): string | undefined => added.find((token) => token.id === id)?.content;
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: nameOf(tokenizer.bosTokenId),
    eos_token: nameOf(tokenizer.eosTokenId),
    pad_token: nameOf(tokenizer.eosTokenId),
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
    ...(tokenizer.chatTemplate === undefined ? {} : { chat_template: tokenizer.chatTemplate }),
  };
}

/** The contents of a Hugging Face `generation_config.json`: the tokens that begin a text and end what is generated. */
export function generationConfig({ bosTokenId, eosTokenId, endTokenIds = [] }: Tokenizer): Record<string, unknown> {
  return {
    ...(bosTokenId === null ? {} : { bos_token_id: bosTokenId }),
    ...(eosTokenId === null ? {} : { eos_token_id: endTokenIds.length > 1 ? endTokenIds : eosTokenId }),
  };
}
