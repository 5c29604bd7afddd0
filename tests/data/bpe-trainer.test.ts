import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import type { DataProgress } from '../../src/data/progress.ts';
import { trainBpe } from '../../src/data/tokenizers/bpe-trainer.ts';
import { bytesToLetters } from '../../src/data/tokenizers/byte-alphabet.ts';
import { gpt2Splits } from '../../src/data/tokenizers/split-patterns.ts';
import { UserError } from '../../src/errors.ts';
import { rustTokenizers } from './rust-tokenizers.ts';
import { tempFolder } from './temp-folder.ts';

const numSpecial = 5;
const folder = tempFolder();

const mergedText = async (texts: string[], numMerges: number): Promise<string[]> => {
  const { tokenBytes } = await trainBpe(texts, 256 + numSpecial + numMerges, gpt2Splits);
  return tokenBytes.slice(256).map((bytes) => Buffer.from(bytes ?? []).toString());
};

describe('trainBpe', () => {
  it('merges the most frequent pair first', async () => {
    expect(await mergedText(['ab ab ab ab ab cd cd cd'], 3)).toEqual(['ab', ' ab', 'cd']);
  });

  it('breaks ties by the smaller left id, then the smaller right id', async () => {
    // Every pair occurs twice. Ids are in the order of the byte alphabet, in which the blank is not first.
    expect(await mergedText(['dc ba', 'dc ba'], 1)).toEqual(['ba']);
    expect(await mergedText(['cb', 'cb', 'ca', 'ca'], 1)).toEqual(['ca']);
  });

  it('merges overlapping runs from the left, and counts a pair wherever it stands', async () => {
    expect(await mergedText(['aaaaa', 'aaaaa'], 2)).toEqual(['aa', 'aaa']);
  });

  it('never merges across words', async () => {
    const tokens = await mergedText([`${'to be '.repeat(50)}`], 4);
    expect(tokens).toEqual(['be', 'to', ' be', ' to']);
  });

  it.skipIf(rustTokenizers === null)('golden: finds the merges of the Rust trainer, ties included', async () => {
    const { BPE, byteLevelPreTokenizer, Tokenizer } = rustTokenizers!;
    const lines = loadBuiltIn('moby-dick')!
      .slice(2, 13)
      .join('')
      .split(/(?<=\n)/); // the Rust trainer reads line by line
    const file = folder.write('text.txt', lines.join(''));
    const rust = new Tokenizer(BPE.empty());
    rust.setPreTokenizer(byteLevelPreTokenizer(false, true));
    rust.train([file]);
    const saved = join(folder.path, 'rust.json');
    rust.save(saved);
    const theirs: [string, string][] = JSON.parse(readFileSync(saved, 'utf8')).model.merges;
    const { merges, tokenBytes } = await trainBpe(lines, 256 + numSpecial + 1009, gpt2Splits);
    const letters = tokenBytes.map((bytes) => bytesToLetters(bytes ?? new Uint8Array()));
    expect(merges.map(([left, right]) => [letters[left], letters[right]])).toEqual(theirs.slice(0, 1009));
  });

  it('says how large a vocabulary the text allows', async () => {
    await expect(trainBpe(['abab abab'], 300, gpt2Splits)).rejects.toThrow(UserError);
    await expect(trainBpe(['abab abab'], 300, gpt2Splits)).rejects.toThrow(/it gives 263; use bpe:263 or less/);
    expect((await trainBpe(['abab abab'], 263, gpt2Splits)).merges).toHaveLength(2);
  });

  it.each([260, 65537])('refuses a vocabulary of %d', async (size) => {
    await expect(trainBpe(['abc'], size, gpt2Splits)).rejects.toThrow(/between 261 .* and 65536/);
  });

  it('tells how far it is, also in one long word', async () => {
    const dna = Array.from({ length: 5000 }, (_, i) => 'ACGT'[Math.imul(i, 0x9e3779b1) >>> 30]).join('');
    const progress: DataProgress[] = [];
    await trainBpe([dna], 256 + numSpecial + 17, gpt2Splits, (now) => progress.push(now));
    expect(progress[0]).toEqual({ stage: 'reading', done: 5000, total: null });
    expect(progress.slice(1)).toEqual(
      Array.from({ length: 17 }, (_, i) => ({ stage: 'training the tokenizer', done: i + 1, total: 17 })),
    );
  });
});
