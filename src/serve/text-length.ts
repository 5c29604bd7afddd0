import { tooLong } from './call.ts';
import type { ServedModel } from './served-model.ts';

const longestTokens = new WeakMap<object, number>();

/** Bytes of the longest token. */
function longestToken({ tokenizer }: ServedModel): number {
  const known = longestTokens.get(tokenizer);
  if (known !== undefined) return known;
  let longest = 1;
  for (let id = 0; id < tokenizer.vocabSize; id++) longest = Math.max(longest, tokenizer.byteLength(id));
  longestTokens.set(tokenizer, longest);
  return longest;
}

/**
 * Refuses a text that cannot fit into the context whatever its tokens are, without encoding it: that would take long.
 *
 * @throws ApiError
 */
export function checkTextLength(characters: number, model: ServedModel): void {
  // A character is at least one byte.
  if (characters > model.contextLength * longestToken(model))
    throw tooLong(`${characters} characters`, model.contextLength);
}
