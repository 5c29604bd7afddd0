import { describe, expect, it } from 'vitest';
import { brotliBitsPerByte } from '../../src/data/brotli.ts';
import { loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { createRandom } from '../../src/data/random.ts';
import { datasetStatistics } from '../../src/data/statistics.ts';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder();

describe('datasetStatistics', () => {
  it('counts documents, bytes, tokens and distinct ids of each domain', async () => {
    const file = folder.write('a.jsonl', '{"text": "aab"}\n{"text": "é"}\n');
    expect(await datasetStatistics(file, 'bytes')).toEqual([
      { domain: 'a', documents: 2, bytes: 5, tokens: 5, bytesPerToken: 1, distinctIds: 4 },
    ]);
    const [trained] = await datasetStatistics(folder.write('b.txt', 'whale '.repeat(97)), 'bpe:266');
    expect(trained).toMatchObject({ documents: 1, bytes: 582, tokens: 98 });
  });
});

describe('brotliBitsPerByte', () => {
  it('is about the entropy for noise, near 0 for repetition, and between 2 and 3.5 for a chapter', () => {
    const random = createRandom(7);
    const noise = Array.from({ length: 20_011 }, () => String.fromCharCode(33 + random.below(61))).join('');
    expect(Math.abs(brotliBitsPerByte(noise) - Math.log2(61))).toBeLessThan(0.2); // headers and code tables
    expect(brotliBitsPerByte('whale '.repeat(5003))).toBeLessThan(0.02);
    const chapter = brotliBitsPerByte(loadBuiltIn('moby-dick')![36] ?? '');
    expect(chapter).toBeGreaterThan(2);
    expect(chapter).toBeLessThan(3.5);
  });
});
