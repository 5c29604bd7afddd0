import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/cli/terminal/cells.ts';
import { printable } from '../../src/cli/terminal/text.ts';
import { type LongWords, WordWrap } from '../../src/cli/terminal/word-wrap.ts';

/** What a terminal of that width is sent for a text that comes in pieces. */
function wrapped(pieces: readonly string[], columns: number, longWords: LongWords = 'keep'): string {
  const wrap = new WordWrap(() => columns, longWords);
  return pieces.map((piece) => wrap.write(piece)).join('') + wrap.flush();
}

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

/** Texts with long words, blank lines, indentation, wide characters and accents. */
const text = fc
  .array(
    fc.oneof(
      fc.constantFrom(' ', ' ', '\n', '  ', '\t', 'whale', 'ship,', 'https://example.org/a/very/long/path?with=more'),
      fc.string({ unit: 'grapheme', maxLength: 9 }),
    ),
    { maxLength: 40 },
  )
  .map((parts) => printable(parts.join('')));

describe('text that comes in pieces', () => {
  it('breaks at words, wherever the pieces end', () => {
    expect(wrapped(['the whi', 'te wh', 'ale sw', 'ims'], 9)).toBe('the white\nwhale\nswims');
    expect(wrapped(['the white whale'], 100)).toBe('the white whale');
  });

  it('shows a word when it is complete', () => {
    const wrap = new WordWrap(() => 20, 'keep');
    expect(wrap.write('the whi')).toBe('the');
    expect(wrap.write('te ')).toBe(' white');
    expect(wrap.flush()).toBe('');
  });

  it('does not depend on where the pieces end, and loses no word (property)', () => {
    const cuts = fc.array(fc.nat(400), { maxLength: 7 });
    fc.assert(
      fc.property(text, cuts, fc.integer({ min: 3, max: 41 }), (whole, ends, columns) => {
        const chars = Array.from(whole);
        const bounds = [0, ...ends.map((end) => Math.min(end, chars.length)), chars.length].sort((a, b) => a - b);
        const pieces = bounds.slice(1).map((end, i) => chars.slice(bounds[i], end).join(''));
        const output = wrapped(pieces, columns);
        expect(output).toBe(wrapped([whole], columns));
        expect(words(output).join('')).toBe(words(whole).join(''));
      }),
    );
  });

  it('has no line wider than the terminal, but for a word that is wider itself (property)', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 3, max: 41 }), (whole, columns) => {
        if (whole.includes('```')) return;
        for (const line of wrapped([whole], columns).split('\n')) {
          const [first = '', ...others] = line.split(' ').filter((word) => word !== '');
          // Behind a long word another may stand, in the terminal's next line.
          if (displayWidth(first) > columns) continue;
          expect([line, displayWidth([first, ...others].join(' ')) <= columns]).toEqual([line, true]);
        }
        for (const line of wrapped([whole], columns, 'cut').split('\n')) {
          expect([line, displayWidth(line) <= columns]).toEqual([line, true]);
        }
      }),
    );
  });

  it('keeps an address whole on a line of its own, even where the terminal must break it', () => {
    expect(wrapped(['see https://example.org/abc for more'], 20)).toBe('see\nhttps://example.org/abc for more');
    expect(wrapped(['see https://example.org/abc for'], 20, 'cut')).toBe('see\nhttps://example.org/\nabc for');
  });

  it('does not wait for the end of a word without end', () => {
    const wrap = new WordWrap(() => 10, 'keep');
    expect(Array.from({ length: 12 }, () => wrap.write('aaaa')).join('').length).toBeGreaterThanOrEqual(40);
  });

  it('counts wide characters and emoji twice, and accents and joiners not at all', () => {
    expect(wrapped(['cafe\u0301 cafe\u0301'], 9)).toBe('cafe\u0301 cafe\u0301');
    expect(wrapped(['whale 👨‍👩‍👧 sea'], 8)).toBe('whale 👨‍👩‍👧\nsea');
    expect(wrapped(['whale 🐋🐋'], 9)).toBe('whale\n🐋🐋');
  });

  it('breaks Chinese and Japanese after any character, but before no closing mark and after no opening one', () => {
    expect(wrapped(['白鯨が泳ぐ'], 4)).toBe('白鯨\nが泳\nぐ');
    expect(wrapped(['白鯨。泳ぐ'], 4)).toBe('白\n鯨。\n泳ぐ');
    expect(wrapped(['白「鯨」ぐ'], 6)).toBe('白\n「鯨」\nぐ');
    expect(wrapped(['the 白鯨 swims'], 6)).toBe('the 白\n鯨\nswims');
  });

  it('keeps indentation, and drops the spaces at which it breaks', () => {
    expect(wrapped(['  one two\n\n    three'], 6)).toBe('  one\ntwo\n\n three');
    expect(wrapped(['a   b'], 3)).toBe('a\nb');
  });

  it('puts tabs at every eighth cell', () => {
    expect(wrapped(['\tif\n', 'ab', '\tc'], 40)).toBe('        if\nab      c');
  });

  it('leaves fenced code as it is', () => {
    const code = '```ts\nconst whale = sea.find((animal) => animal.isWhite);\n```\n';
    expect(wrapped([`Like this:\n${code}and so on and on`], 12)).toBe(`Like this:\n${code}and so on\nand on`);
  });

  it('follows a terminal that changes its size', () => {
    const size = { columns: 20 };
    const wrap = new WordWrap(() => size.columns, 'keep');
    const first = wrap.write('one two three ');
    size.columns = 9;
    expect(first + wrap.write('four five six') + wrap.flush()).toBe('one two three\nfour five\nsix');
    size.columns = 30;
    expect(wrap.write(' seven eight nine') + wrap.flush()).toBe(' seven eight nine');
  });

  it('gives each word its style, also where two meet in one word', () => {
    const wrap = new WordWrap(() => 9, 'keep');
    const loud = (word: string) => word.toUpperCase();
    expect(wrap.write('call me ishm', loud) + wrap.write('ael and go') + wrap.flush()).toBe('CALL ME\nISHMael\nand go');
  });
});
