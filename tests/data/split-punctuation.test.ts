import { describe, expect, it } from 'vitest';
import { loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { createRandom } from '../../src/data/random.ts';
import { createPunctuationSplitter, punctuationSplits } from '../../src/data/split-punctuation.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';

const texts = loadBuiltIn('code')!
  .filter((text) => text.length < 30_000)
  .slice(0, 23);
const tokenizer = await createTokenizer('bpe-deepseek:601', () => texts);
const ids = tokenizer.encode(texts.join(''));

describe('createPunctuationSplitter', () => {
  it("knows the tokens that join punctuation and line breaks, which DeepSeek's pre-tokenizer makes", () => {
    const joined = [...punctuationSplits(tokenizer).keys()].map((id) => tokenizer.decode([id]));
    expect(joined).toContain(';\n');
    expect(joined.every((text) => /^\s?[^\s\p{L}\p{N}]+[\r\n]+$/u.test(text))).toBe(true);
  });

  it('splits about the share asked for and keeps the bytes', () => {
    const splits = punctuationSplits(tokenizer);
    const count = (tokens: Int32Array) => tokens.reduce((sum, id) => sum + (splits.has(id) ? 1 : 0), 0);
    const split = createPunctuationSplitter(tokenizer, 0.3)(ids, createRandom(13));
    expect(tokenizer.decode(split)).toBe(tokenizer.decode(ids));
    const share = 1 - count(split) / count(ids);
    expect(count(ids)).toBeGreaterThan(300);
    expect(Math.abs(share - 0.3)).toBeLessThan(0.1); // 300 draws: a standard deviation of 0.026
  });

  it('splits none at rate 0 and all at rate 1', () => {
    const splits = punctuationSplits(tokenizer);
    expect(createPunctuationSplitter(tokenizer, 0)(ids, createRandom(1))).toEqual(ids);
    const all = createPunctuationSplitter(tokenizer, 1)(ids, createRandom(1));
    expect(all.some((id) => splits.has(id))).toBe(false);
    expect(tokenizer.decode(all)).toBe(tokenizer.decode(ids));
  });
});
