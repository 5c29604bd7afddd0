import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitHeldOut } from '../../src/data/held-out.ts';

describe('splitHeldOut', () => {
  it('property: every document is on one side, in order, at least one on each', () => {
    const documents = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 23 }), { minLength: 2, maxLength: 17 });
    const fraction = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    fc.assert(
      fc.property(documents, fraction, fc.nat(), (texts, share, seed) => {
        const { train, heldOut } = splitHeldOut(texts, share, seed);
        const held = new Set(heldOut);
        expect(train).toEqual(texts.filter((text) => !held.has(text)));
        expect(heldOut).toEqual(texts.filter((text) => held.has(text)));
        expect(Math.min(train.length, heldOut.length)).toBeGreaterThan(0);
      }),
    );
  });

  it('holds out about the share asked for, and others for another seed', () => {
    const texts = Array.from({ length: 997 }, (_, i) => `document ${i}`);
    const { heldOut } = splitHeldOut(texts, 0.1, 3);
    expect(Math.abs(heldOut.length - 99.7)).toBeLessThan(3); // lengths differ by at most 2 of 12 letters
    expect(splitHeldOut(texts, 0.1, 3).heldOut).toEqual(heldOut);
    expect(splitHeldOut(texts, 0.1, 5).heldOut).not.toEqual(heldOut);
  });

  it('puts copies of a document on the same side', () => {
    const texts = Array.from({ length: 101 }, (_, i) => `document ${i % 7}`);
    const { train, heldOut } = splitHeldOut(texts, 0.3, 11);
    expect(train.some((text) => heldOut.includes(text))).toBe(false);
  });

  it('never holds out a document larger than the share, unless all are', () => {
    const texts = ['x'.repeat(1000), ...Array.from({ length: 50 }, (_, i) => `small ${i}`)];
    for (let seed = 0; seed < 20; seed++) expect(splitHeldOut(texts, 0.05, seed).heldOut).not.toContain(texts[0]);
    expect(splitHeldOut(['long enough', 'short'], 0.01, 2).heldOut).toEqual(['short']);
  });

  it('cuts a single document at the paragraph nearest to the point', () => {
    const text = 'one one one\n\ntwo two two\n\nthree three\n\nfour four\n';
    expect(splitHeldOut([text], 0.25, 1)).toEqual({
      train: ['one one one\n\ntwo two two\n\nthree three\n\n'],
      heldOut: ['four four\n'],
    });
  });

  it.each([
    ['lines', 'a b\nc d\ne f', ['a b\nc d\n', 'e f']],
    ['words', 'ab cd ef', ['ab cd ', 'ef']],
    ['characters, but no surrogate pair', '🐳🐳🐳', ['🐳🐳', '🐳']],
  ])('cuts a single document without paragraphs between %s', (_, text, [train, heldOut]) => {
    expect(splitHeldOut([text], 0.3, 1)).toEqual({ train: [train], heldOut: [heldOut] });
  });
});
