// Pre-tokenization: patterns that cut a text into words before any merging, so that no token spans two of them.
//
// Patterns are written as `tokenizer.json` has them (Oniguruma, as Hugging Face's Rust library reads them). The subset
// used here means the same in JavaScript except `\s`, which there has U+FEFF but not U+0085; `compile` sees to that.

import { CL100K_TOKEN_SPLIT_REGEX, O200K_TOKEN_SPLIT_REGEX } from 'gpt-tokenizer/encodingParams/constants';

const contractions = "'s|'t|'re|'ve|'m|'ll|'d";

/** Words, numbers and runs of other signs, each with the blank before it (GPT-2; also that of `r50k_base`). */
export const gpt2Splits: readonly string[] = [
  `${contractions}| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+`,
];

/**
 * DeepSeek-V3's three, applied one after the other: digits in threes; Chinese and Japanese runs; words with the sign or
 * blank before them, and signs with the line breaks after them (`);\n` is one piece).
 */
export const deepseekSplits: readonly string[] = [
  '\\p{N}{1,3}',
  '[一-龥\u3040-ゟ゠-ヿ]+',
  [
    '[!"#$%&\'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+',
    '[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+',
    ' ?[\\p{P}\\p{S}]+[\r\n]*',
    '\\s*[\r\n]+',
    '\\s+(?!\\S)',
    '\\s+',
  ].join('|'),
];

// `$` is the end of a line in Oniguruma and of the text in JavaScript; a look-ahead says the latter in both.
export const cl100kSplits: readonly string[] = [CL100K_TOKEN_SPLIT_REGEX.source.replace('\\s+$', '\\s+(?![\\s\\S])')];

export const o200kSplits: readonly string[] = [O200K_TOKEN_SPLIT_REGEX.source];

/** The patterns whose meaning is known to be the same here and in Hugging Face's libraries. */
export const knownPatterns: ReadonlySet<string> = new Set(
  [gpt2Splits, deepseekSplits, cl100kSplits, o200kSplits].flat(),
);

function compile(pattern: string): RegExp {
  return new RegExp(pattern.replaceAll('\\s', '\\p{White_Space}').replaceAll('\\S', '\\P{White_Space}'), 'gu');
}

/**
 * A function that cuts a text: each pattern in turn isolates its matches in the pieces there are. Nothing is dropped;
 * what matches no pattern is a piece of its own. No patterns: the text is one piece.
 */
export function createSplitter(patterns: readonly string[]): (text: string) => string[] {
  const regexes = patterns.map(compile);
  return (text) => {
    let pieces = text === '' ? [] : [text];
    for (const regex of regexes) {
      const finer: string[] = [];
      for (const piece of pieces) isolateMatches(piece, regex, finer);
      pieces = finer;
    }
    return pieces;
  };
}

function isolateMatches(text: string, regex: RegExp, pieces: string[]): void {
  let end = 0;
  for (const match of text.matchAll(regex)) {
    if (match.index > end) pieces.push(text.slice(end, match.index));
    pieces.push(match[0]);
    end = match.index + match[0].length;
  }
  if (end < text.length) pieces.push(text.slice(end));
}
