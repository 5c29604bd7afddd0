import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/data/documents.ts';
import { splitHeldOut } from '../../src/data/held-out.ts';
import { documentsOf } from './collect.ts';

async function split(texts: readonly string[], fraction: number, seed: number) {
  const { train, heldOut, ...lengths } = await splitHeldOut(memorySource(texts), fraction, seed);
  return { train: await documentsOf(train), heldOut: await documentsOf(heldOut), ...lengths };
}

const lengthOf = (texts: readonly string[]) => texts.reduce((sum, { length }) => sum + length, 0);
const paragraphs = (count: number) =>
  Array.from({ length: count }, (_, i) => `paragraph ${i} of some text.\n\n`).join('');

describe('splitHeldOut', () => {
  it('property: every character is on one side, at most one text is cut, and there is text on both sides', async () => {
    const text = fc.string({ minLength: 2, maxLength: 23 }).map((string) => `x${string}y`);
    const documents = fc.uniqueArray(text, { minLength: 1, maxLength: 17 });
    const fraction = fc.double({ min: 0.01, max: 0.99, noNaN: true });
    await fc.assert(
      fc.asyncProperty(documents, fraction, fc.nat(), async (texts, share, seed) => {
        const { train, heldOut } = await split(texts, share, seed);
        const ends = heldOut.filter((end) => !texts.includes(end));
        const starts = train.filter((start) => !texts.includes(start));
        expect(starts.length).toBeLessThanOrEqual(1);
        const joined = [
          ...train.filter((each) => texts.includes(each)),
          ...heldOut.filter((each) => texts.includes(each)),
        ];
        if (starts.length > 0 || ends.length > 0) joined.push(`${starts[0] ?? ''}${ends[0] ?? ''}`);
        expect(joined.sort()).toEqual([...texts].sort());
        expect(Math.min(lengthOf(train), lengthOf(heldOut))).toBeGreaterThan(0);
      }),
    );
  });

  it('holds out about the share asked for, and others for another seed', async () => {
    const texts = Array.from({ length: 997 }, (_, i) => `document ${i}`);
    const { heldOut, train } = await split(texts, 0.1, 3);
    expect(Math.abs(heldOut.length - 99.7)).toBeLessThan(3); // lengths differ by at most 2 of 12 letters
    expect(train).toEqual(texts.filter((text) => !heldOut.includes(text)));
    expect((await split(texts, 0.1, 3)).heldOut).toEqual(heldOut);
    expect((await split(texts, 0.1, 5)).heldOut).not.toEqual(heldOut);
  });

  it('puts copies of a document on the same side', async () => {
    const texts = Array.from({ length: 101 }, (_, i) => `document ${i % 7}`);
    const { train, heldOut } = await split(texts, 0.3, 11);
    expect(train.some((text) => heldOut.includes(text))).toBe(false);
  });

  it.each([
    ['a book and a licence', [paragraphs(8000), 'Permission is granted.\n'], 0.05],
    ['a book and a long preface', [paragraphs(800), paragraphs(30)], 0.1],
    ['two books', [paragraphs(500), paragraphs(501)], 0.05],
    ['thirty of the same length', Array.from({ length: 30 }, (_, i) => `${i}`.padStart(2, '0') + paragraphs(20)), 0.05],
    ['one', [paragraphs(700)], 0.05],
    ['one whose only paragraph ends at its title', [`Title\n\n${'word '.repeat(5000)}`], 0.05],
    ['a book that is there three times', [paragraphs(300), paragraphs(300), paragraphs(300)], 0.2],
  ])('holds out about the share of few or uneven documents: %s', async (_, texts, share) => {
    for (let seed = 0; seed < 5; seed++) {
      const { heldOut, train, heldOutLength, length } = await split(texts, share, seed);
      const part = lengthOf(heldOut) / lengthOf(texts);
      // A fifth of the share may be missing, and a cut may be a quarter of its length away from the exact place.
      expect(part / share).toBeGreaterThan(0.7);
      expect(part / share).toBeLessThan(1.3);
      expect(lengthOf(train) + lengthOf(heldOut)).toBe(lengthOf(texts));
      expect(length).toBe(lengthOf(texts));
      expect(Math.abs(heldOutLength - lengthOf(heldOut))).toBeLessThanOrEqual(0.25 * share * length);
    }
  });

  it('never holds out a document larger than the share', async () => {
    const texts = ['x'.repeat(1000), ...Array.from({ length: 50 }, (_, i) => `small ${i}`)];
    for (let seed = 0; seed < 20; seed++) expect((await split(texts, 0.05, seed)).heldOut).not.toContain(texts[0]);
  });

  it('cuts a single document at the paragraph nearest to the point', async () => {
    const text = 'one one one\n\ntwo two two\n\nthree three\n\nfour four\n';
    expect(await split([text], 0.25, 1)).toMatchObject({
      train: ['one one one\n\ntwo two two\n\nthree three\n\n'],
      heldOut: ['four four\n'],
    });
  });

  it('cuts a document of many pieces in the piece where the point is', async () => {
    const text = paragraphs(40_000); // four pieces
    const { train, heldOut } = await split([text], 0.4, 1);
    expect(train[0]! + heldOut[0]!).toBe(text);
    expect(heldOut[0]).toMatch(/^paragraph \d+ of/);
    expect(heldOut[0]!.length / text.length).toBeCloseTo(0.4, 2);
  });

  it.each([
    ['lines', 'a b\nc d\ne f', ['a b\nc d\n', 'e f']],
    ['words', 'ab cd ef', ['ab cd ', 'ef']],
    ['characters, but no surrogate pair', '🐳🐳🐳', ['🐳🐳', '🐳']],
  ])('cuts a single document without paragraphs between %s', async (_, text, [train, heldOut]) => {
    expect(await split([text], 0.3, 1)).toMatchObject({ train: [train], heldOut: [heldOut] });
  });

  it('cuts token ids where the share begins', async () => {
    const ids = Int32Array.from({ length: 100 }, (_, i) => i);
    const { heldOut, train } = await splitHeldOut(memorySource([ids]), 0.1, 1);
    expect(await documentsOf(heldOut)).toEqual([ids.slice(90).join()]);
    expect(await documentsOf(train)).toEqual([ids.slice(0, 90).join()]);
  });
});
