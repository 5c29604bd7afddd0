import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBuiltIn } from '../../src/data/corpora/built-in.ts';
import { trainBpe } from '../../src/data/tokenizers/bpe-trainer.ts';
import { bytesToLetters } from '../../src/data/tokenizers/byte-alphabet.ts';
import { gpt2Splits } from '../../src/data/tokenizers/split-patterns.ts';
import { UserError } from '../../src/errors.ts';
import { rustTokenizers } from './rust-tokenizers.ts';
import { tempFolder } from './temp-folder.ts';

const numSpecial = 5;
const folder = tempFolder();

const mergedText = (texts: string[], numMerges: number): string[] => {
  const { tokenBytes } = trainBpe(texts, 256 + numSpecial + numMerges, gpt2Splits);
  return tokenBytes.slice(256).map((bytes) => Buffer.from(bytes ?? []).toString());
};

describe('trainBpe', () => {
  it('merges the most frequent pair first', () => {
    expect(mergedText(['ab ab ab ab ab cd cd cd'], 3)).toEqual(['ab', ' ab', 'cd']);
  });

  it('breaks ties by the smaller left id, then the smaller right id', () => {
    // Every pair occurs twice. Ids are in the order of the byte alphabet, in which the blank is not first.
    expect(mergedText(['dc ba', 'dc ba'], 1)).toEqual(['ba']);
    expect(mergedText(['cb', 'cb', 'ca', 'ca'], 1)).toEqual(['ca']);
  });

  it('merges overlapping runs from the left, and counts a pair wherever it stands', () => {
    expect(mergedText(['aaaaa', 'aaaaa'], 2)).toEqual(['aa', 'aaa']);
  });

  it('never merges across words', () => {
    const tokens = mergedText([`${'to be '.repeat(50)}`], 4);
    expect(tokens).toEqual(['be', 'to', ' be', ' to']);
  });

  it.skipIf(rustTokenizers === null)('golden: finds the merges of the Rust trainer, ties included', () => {
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
    const { merges, tokenBytes } = trainBpe(lines, 256 + numSpecial + 1009, gpt2Splits);
    const letters = tokenBytes.map((bytes) => bytesToLetters(bytes ?? new Uint8Array()));
    expect(merges.map(([left, right]) => [letters[left], letters[right]])).toEqual(theirs.slice(0, 1009));
  });

  it('says how large a vocabulary the text allows', () => {
    expect(() => trainBpe(['abab abab'], 300, gpt2Splits)).toThrow(UserError);
    expect(() => trainBpe(['abab abab'], 300, gpt2Splits)).toThrow(/it gives 263; use bpe:263 or less/);
    expect(trainBpe(['abab abab'], 263, gpt2Splits).merges).toHaveLength(2);
  });

  it.each([260, 65537])('refuses a vocabulary of %d', (size) => {
    expect(() => trainBpe(['abc'], size, gpt2Splits)).toThrow(/between 261 .* and 65536/);
  });
});
