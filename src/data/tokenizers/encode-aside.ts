import type { Tokenizer } from '../types.ts';

/**
 * Token ids of a text of a stranger: nobody is held up for long, whatever the tokenizer's patterns are.
 *
 * @param signal ends it when nobody waits for it any more
 */
export async function encodeAside(tokenizer: Tokenizer, text: string, signal?: AbortSignal): Promise<Int32Array> {
  return (await tokenizer.encodeAside?.(text, signal)) ?? tokenizer.encode(text);
}
