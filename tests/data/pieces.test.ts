import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutIntoPieces, PieceCutter } from '../../src/data/pieces.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { generateMath } from '../../src/data/corpora/math.ts';
import { loadPacked } from '../../src/data/corpora/packed.ts';

const contents = (text: string, length: number) => cutIntoPieces(text, length).map(({ content }) => String(content));

describe('pieces of a document', () => {
  it('property: put together are the text, whatever the parts it comes in, and never cut a character', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '\n', '🐳', '一', '.'), maxLength: 97 });
    fc.assert(
      fc.property(text, fc.integer({ min: 3, max: 23 }), fc.integer({ min: 1, max: 41 }), (whole, length, part) => {
        const cutter = new PieceCutter(length);
        const pieces = [];
        for (let start = 0; start < whole.length; start += part)
          pieces.push(...cutter.push(whole.slice(start, start + part)));
        pieces.push(...cutter.end());
        expect(pieces).toEqual(cutIntoPieces(whole, length));
        if (pieces.length === 0) expect(whole.trim()).toBe('');
        else expect(pieces.map(({ content }) => content).join('')).toBe(whole);
        expect(pieces.every(({ isStart }, i) => isStart === (i === 0))).toBe(true);
        for (const { content } of pieces) {
          expect(content.length).toBeLessThanOrEqual(length);
          expect(String(content)).not.toMatch(/\p{Cs}/u);
        }
      }),
    );
  });

  it.each(['bytes', 'bpe:700', 'bpe-deepseek:700', 'r50k_base:1024', 'cl100k_base:1024', 'o200k_base:1024'])(
    'has the tokens of the whole text with %s',
    async (spec) => {
      const texts = [
        loadPacked('moby-dick')[5]!.slice(0, 20_000),
        loadPacked('code')[3]!.slice(0, 20_000),
        ...generateMath(5000),
      ];
      const tokenizer = await createTokenizer(spec, () => texts);
      for (const text of texts) {
        const pieces = contents(text, 997);
        expect(pieces.flatMap((piece) => Array.from(tokenizer.encode(piece)))).toEqual(
          Array.from(tokenizer.encode(text)),
        );
      }
    },
  );

  it('leaves out a document of blanks, and begins the next one afterwards', () => {
    const cutter = new PieceCutter(10);
    expect([...cutter.push(' \n'), ...cutter.end()]).toEqual([]);
    expect([...cutter.push('a'), ...cutter.end()]).toEqual([{ content: 'a', isStart: true }]);
    expect([...cutter.push('b'), ...cutter.end()]).toEqual([{ content: 'b', isStart: true }]);
  });
});
