import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createCachedEncoder } from '../../src/data/token-cache.ts';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import type { Tokenizer } from '../../src/data/types.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();
const documents = ['Call me Ishmael.', '', 'Some years ago 🐳'];

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

  it('encodes once and reads afterwards', () => {
    const cacheDir = join(folder.path, 'once', 'deep');
    const { tokenizer, calls } = countingTokenizer();
    expect(createCachedEncoder(tokenizer, cacheDir)(documents)).toEqual(expected);
    expect(calls()).toBe(3);
    expect(createCachedEncoder(tokenizer, cacheDir)(documents)).toEqual(expected);
    expect(calls()).toBe(3);
    expect(readdirSync(cacheDir)).toHaveLength(1);
  });

  it('tells texts, their boundaries and tokenizers apart', async () => {
    const cacheDir = join(folder.path, 'apart');
    const encode = createCachedEncoder(createBytesTokenizer(), cacheDir);
    encode(['ab', 'c']);
    expect(encode(['a', 'bc'])[1]).toHaveLength(2);
    const bpe = createCachedEncoder(await createTokenizer('bpe:262', () => ['abab']), cacheDir);
    expect(bpe(['ab', 'c'])[0]).toHaveLength(1);
    expect(readdirSync(cacheDir)).toHaveLength(3);
  });

  it('property: never believes a damaged file, and replaces it', () => {
    const cacheDir = join(folder.path, 'damaged');
    const { tokenizer, calls } = countingTokenizer();
    createCachedEncoder(tokenizer, cacheDir)(documents);
    const file = join(cacheDir, readdirSync(cacheDir)[0] ?? '');
    const good = readFileSync(file);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (position, flip, cut) => {
        const bad = Buffer.from(good);
        bad[position] = bad[position]! ^ flip;
        writeFileSync(file, cut ? good.subarray(0, position) : bad);
        const before = calls();
        expect(createCachedEncoder(tokenizer, cacheDir)(documents)).toEqual(expected);
        expect(calls()).toBe(before + 3);
        expect(readFileSync(file).equals(good)).toBe(true);
      }),
      { numRuns: 50 },
    );
    expect(readdirSync(cacheDir)).toHaveLength(1);
  });

  it('works without a cache that cannot be written', () => {
    const inTheWay = folder.write('file', '');
    expect(createCachedEncoder(createBytesTokenizer(), join(inTheWay, 'cache'))(documents)).toEqual(expected);
    expect(createCachedEncoder(createBytesTokenizer(), null)(documents)).toEqual(expected);
  });
});
