// Random splitting of tokens that join punctuation and line breaks (`.\n`, `);\n\n`).
//
// A prompt often ends where such a token would go on, and a model that only ever saw it whole is biased there. So a
// share of them is split in training (arXiv 2412.19437, sec. 4.1, F 6.1; the report does not say how many).

import type { Random } from './random.ts';
import type { Tokenizer } from './types.ts';

const punctuationAndBreaks = /^(\s?[\p{P}\p{S}]+)([\r\n]+)$/u;

/**
 * A function that replaces each punctuation+newline token, with probability `rate`, by the tokens of its punctuation
 * and those of its line breaks. The bytes stay the same.
 */
export function createPunctuationSplitter(
  tokenizer: Tokenizer,
  rate: number,
): (ids: Int32Array, random: Random) => Int32Array {
  const splits = rate > 0 ? punctuationSplits(tokenizer) : new Map<number, Int32Array>();
  if (splits.size === 0) return (ids) => ids;
  return (ids, random) => {
    const result: number[] = [];
    for (const id of ids) {
      const parts = splits.get(id);
      if (parts === undefined || random.next() >= rate) result.push(id);
      else result.push(...parts);
    }
    return new Int32Array(result);
  };
}

/** What each joined token is replaced by. */
export function punctuationSplits(tokenizer: Tokenizer): Map<number, Int32Array> {
  const splits = new Map<number, Int32Array>();
  for (let id = 0; id < tokenizer.vocabSize; id++) {
    const match = punctuationAndBreaks.exec(tokenizer.decode([id]));
    if (match === null) continue;
    splits.set(id, Int32Array.of(...tokenizer.encode(match[1]!), ...tokenizer.encode(match[2]!)));
  }
  return splits;
}
