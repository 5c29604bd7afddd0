import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutForFim, encodeFim } from '../../src/data/fill-in-the-middle.ts';
import { createRandom } from '../../src/data/random.ts';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';

const tokenizer = createBytesTokenizer();

describe('fill-in-the-middle', () => {
  it('property: the three parts are the document, cut between characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), (text, seed) => {
        const { prefix, middle, suffix } = cutForFim(text, createRandom(seed));
        expect(prefix + middle + suffix).toBe(text);
        for (const part of [prefix, middle, suffix]) expect(tokenizer.decode(tokenizer.encode(part))).toBe(part);
      }),
    );
  });

  it('cuts everywhere: each part is empty, short and long at times', () => {
    const lengths = Array.from({ length: 300 }, (_, seed) => cutForFim('0123456', createRandom(seed)).middle.length);
    expect(new Set(lengths)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
  });

  it('golden: has the layout of F 6.2: begin, prefix, hole, suffix, end, middle', () => {
    const { begin, hole, end } = tokenizer.fim;
    const ids = encodeFim({ prefix: 'AB', middle: 'C', suffix: 'DEF' }, tokenizer);
    expect(Array.from(ids)).toEqual([begin, 65, 66, hole, 68, 69, 70, end, 67]);
  });
});
