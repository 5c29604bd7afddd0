// The smallest vocabulary for a text: one token a character, for the characters that occur and no others.
//
// It is byte-level BPE like the others. A character of several bytes (UTF-8) is made by merges within the character,
// so a token never spans two of them, and `tokenizer.json` says all of it. A character that the vocabulary lacks is an
// error, here and in Hugging Face's library: the file names an unknown token that does not exist.

import { UserError } from '../../errors.ts';
import type { CompleteTokenizer } from '../types.ts';
import type { Merge } from './bpe-merges.ts';
import { createBpeTokenizer } from './bpe-tokenizer.ts';
import type { TextPieces } from './bpe-trainer.ts';

/** Most different characters of a vocabulary; a text with more has no use for one token a character. */
const maxCharacters = 16_384;

/**
 * A tokenizer whose tokens are the characters of the texts, in the order of their code points; the 5 special tokens
 * come after them.
 *
 * Example: the texts `ab:` and `b=1` give the tokens `1`, `:`, `=`, `a`, `b`, with ids 0 to 4, and a `vocabSize` of 10.
 *
 * @throws UserError if there is no character, or far too many.
 */
export async function createCharsTokenizer(texts: TextPieces): Promise<CompleteTokenizer> {
  const characters = new Set<string>();
  for await (const text of texts) for (const character of text.replace(/\p{Cs}/gu, '\uFFFD')) characters.add(character);
  if (characters.size === 0) throw new UserError('tokenizer: chars needs a text to take its characters from');
  if (characters.size > maxCharacters) {
    throw new UserError(
      `tokenizer: chars: the text has ${characters.size} different characters, and at most ${maxCharacters} can be ` +
        'tokens; use bytes, or bpe:1024',
    );
  }
  return charsTokenizer([...characters].sort((a, b) => a.codePointAt(0)! - b.codePointAt(0)!));
}

function charsTokenizer(characters: readonly string[]): CompleteTokenizer {
  const utf8 = new TextEncoder();
  const encoded = characters.map((character) => utf8.encode(character));
  const tokenBytes = encoded.filter(({ length }) => length === 1);
  const ids = new Map(tokenBytes.map((bytes, id) => [bytes.join(), id]));
  const idOf = (bytes: Uint8Array): number => {
    const known = ids.get(bytes.join());
    if (known !== undefined) return known;
    ids.set(bytes.join(), tokenBytes.length);
    return tokenBytes.push(bytes) - 1;
  };
  const merges: Merge[] = [];
  for (const bytes of encoded) {
    for (let end = 1; end < bytes.length; end++) {
      const [left, right] = [idOf(bytes.slice(0, end)), idOf(bytes.slice(end, end + 1))];
      const isNew = !ids.has(bytes.slice(0, end + 1).join());
      if (isNew) merges.push([left, right, idOf(bytes.slice(0, end + 1))]);
    }
  }
  return createBpeTokenizer('chars', { tokenBytes, merges, splits: [], isRestricted: true });
}
