import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import type { Tokenizer } from '../../src/data/types.ts';
import { TextStream } from '../../src/generate/batch/text-stream.ts';

const text = 'Ünïcödé, 鯨が泳ぐ 🐳🏴‍☠️, and ordinary whales.';
const bytes = await createTokenizer('bytes', () => []);
const bpe = await createTokenizer('bpe:300', () => [text.repeat(3)]);
const huggingFace = tokenizerFromHuggingFace(JSON.parse(JSON.stringify(bpe.toHuggingFace())));

/** All pieces, until one ends the text. */
function stream(tokenizer: Tokenizer, ids: Iterable<number>, stops: readonly string[] = []) {
  const out = new TextStream(tokenizer, stops);
  const pieces: string[] = [];
  for (const id of ids) {
    const piece = out.push(id);
    pieces.push(piece.text);
    if (piece.stopped) return { pieces, text: pieces.join(''), stopped: true };
  }
  pieces.push(out.end());
  return { pieces, text: pieces.join(''), stopped: false };
}

describe('streamed text', () => {
  it.each<[string, Tokenizer]>([
    ['bytes', bytes],
    ['bpe:300', bpe],
    ['tokenizer.json', huggingFace],
  ])('comes in whole characters, with the tokenizer %s', (_name, tokenizer) => {
    const { pieces, text: streamed } = stream(tokenizer, tokenizer.encode(text));
    expect(streamed).toBe(text);
    for (const piece of pieces) {
      expect(piece).not.toMatch(/\p{Cs}|\uFFFD/u);
    }
  });

  it('is what decoding at once gives, for any bytes (property)', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(260), { maxLength: 30 }), (ids) => {
        expect(stream(bytes, ids).text).toBe(bytes.decode(ids));
      }),
    );
  });

  it('shows a character that is cut off at the end as U+FFFD', () => {
    expect(stream(bytes, [65, 0xf0, 0x9f]).text).toBe('A\uFFFD');
  });

  it('keeps a byte-order mark', () => {
    expect(stream(bytes, bytes.encode('\uFEFFa')).text).toBe('\uFEFFa');
  });

  it('has nothing for special tokens, and for ids that only the model has', () => {
    expect(stream(bytes, [65, bytes.eosTokenId, bytes.vocabSize + 3, 66]).text).toBe('AB');
  });
});

describe('stop strings', () => {
  const run = (input: string, ...stops: string[]) => stream(bytes, bytes.encode(input), stops);

  it('end the text before them, and are held back until they are certain', () => {
    const { pieces, stopped } = run('one\n\nUs\n\nUser: two', '\n\nUser:');
    expect(pieces.join('')).toBe('one\n\nUs');
    expect(pieces.slice(0, 5)).toEqual(['o', 'n', 'e', '', '']);
    expect(stopped).toBe(true);
  });

  it('that begin but do not end are text', () => {
    expect(run('ab', 'abc')).toMatchObject({ text: 'ab', stopped: false });
    expect(run('aab', 'aac')).toMatchObject({ text: 'aab', stopped: false });
  });

  it('overlap themselves', () => {
    expect(run('aaab', 'aab')).toMatchObject({ text: 'a', stopped: true });
    expect(run('abababac', 'ababac')).toMatchObject({ text: 'ab', stopped: true });
  });

  it('lie within a token, or across the bytes of a character', () => {
    expect(stream(bpe, bpe.encode('whales whales'), ['al'])).toMatchObject({ text: 'wh', stopped: true });
    expect(run('x🐳y', '🐳')).toMatchObject({ text: 'x', stopped: true });
  });

  it('may be what a cut-off character becomes', () => {
    expect(stream(bytes, [65, 0xf0], ['\uFFFD']).text).toBe('A');
  });

  it('do not depend on how the text is divided into tokens (property)', () => {
    const letters = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map((all) => all.join(''));
    const long = fc.array(letters, { maxLength: 7 });
    fc.assert(
      fc.property(long, fc.array(letters, { minLength: 1, maxLength: 3 }), (parts, stops) => {
        // a tokenizer whose token `i` is the part `i`
        const divided = { ...bytes, decodeBytes: (ids: ArrayLike<number>) => Buffer.from(parts[ids[0]!]!) };
        expect(stream(divided, parts.keys(), stops).text).toBe(run(parts.join(''), ...stops).text);
      }),
      { numRuns: 500 },
    );
  });
});
