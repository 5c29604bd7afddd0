import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../src/data/documents.ts';
import { createCachedEncoder } from '../../src/data/token-cache.ts';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import type { Tokenizer } from '../../src/data/types.ts';
import { collect } from './collect.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();
const documents = ['Call me Ishmael.', 'x', 'Some years ago 🐳'];

async function encodeAll(
  tokenizer: Tokenizer,
  cacheDir: string | null,
  texts: readonly string[],
): Promise<Int32Array[]> {
  const pieces = await collect(createCachedEncoder(tokenizer, cacheDir, async () => {})(memorySource(texts)));
  return pieces.map(({ ids }) => Int32Array.from(ids));
}

/** The bytes tokenizer, counting how often it is asked. */
function countingTokenizer(): { tokenizer: Tokenizer; calls: () => number } {
  const bytes = createBytesTokenizer();
  let calls = 0;
  const encode = (text: string) => {
    calls++;
    return bytes.encode(text);
  };
  return { tokenizer: { ...bytes, encode }, calls: () => calls };
}

describe('createCachedEncoder', () => {
  const expected = documents.map((text) => createBytesTokenizer().encode(text));

  it('encodes once and reads afterwards', async () => {
    const cacheDir = join(folder.path, 'once', 'deep');
    const { tokenizer, calls } = countingTokenizer();
    expect(await encodeAll(tokenizer, cacheDir, documents)).toEqual(expected);
    expect(calls()).toBe(3);
    expect(await encodeAll(tokenizer, cacheDir, documents)).toEqual(expected);
    expect(calls()).toBe(3);
    expect(readdirSync(cacheDir)).toHaveLength(1);
  });

  it('tells texts, their boundaries and tokenizers apart', async () => {
    const cacheDir = join(folder.path, 'apart');
    const bytes = createBytesTokenizer();
    await encodeAll(bytes, cacheDir, ['ab', 'c']);
    expect((await encodeAll(bytes, cacheDir, ['a', 'bc']))[1]).toHaveLength(2);
    const bpe = await createTokenizer('bpe:262', () => ['abab']);
    expect((await encodeAll(bpe, cacheDir, ['ab', 'c']))[0]).toHaveLength(1);
    expect(readdirSync(cacheDir)).toHaveLength(3);
  });

  it('property: never believes a damaged file, and replaces it', async () => {
    const cacheDir = join(folder.path, 'damaged');
    const { tokenizer, calls } = countingTokenizer();
    await encodeAll(tokenizer, cacheDir, documents);
    const file = join(cacheDir, readdirSync(cacheDir)[0] ?? '');
    const good = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(
        fc.nat(good.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (position, flip, cut) => {
          const bad = Buffer.from(good);
          bad[position] = bad[position]! ^ flip;
          writeFileSync(file, cut ? good.subarray(0, position) : bad);
          const before = calls();
          expect(await encodeAll(tokenizer, cacheDir, documents)).toEqual(expected);
          expect(calls()).toBe(before + 3);
          expect(readFileSync(file).equals(good)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
    expect(readdirSync(cacheDir)).toHaveLength(1);
  });

  it('works without a cache that cannot be written', async () => {
    const inTheWay = folder.write('file', '');
    expect(await encodeAll(createBytesTokenizer(), join(inTheWay, 'cache'), documents)).toEqual(expected);
    expect(await encodeAll(createBytesTokenizer(), null, documents)).toEqual(expected);
  });
});
