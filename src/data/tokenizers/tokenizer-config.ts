// The `tokenizer_config.json` that goes with a `tokenizer.json`.

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
  const nameOf = (id: number): string | undefined => added.find((token) => token.id === id)?.content;
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: nameOf(tokenizer.bosTokenId),
    eos_token: nameOf(tokenizer.eosTokenId),
    pad_token: nameOf(tokenizer.eosTokenId),
    add_bos_token: false,
    add_eos_token: false,
    clean_up_tokenization_spaces: false,
  };
}
