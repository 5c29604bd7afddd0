import { Tokenizer } from '@huggingface/tokenizers';

/**
 * Encodes as Hugging Face's library does, which is not told of the added tokens so that it finds none in the text.
 *
 * @param json a parsed `tokenizer.json`; whatever the library makes of a broken one is thrown, then or by the function.
 */
export function libraryEncoder(json: object): (text: string) => number[] {
  const library = new Tokenizer({ ...json, added_tokens: [] }, {});
  return (text) => library.encode(text, { add_special_tokens: false }).ids;
}
