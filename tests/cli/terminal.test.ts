import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { displayWidth, truncate } from '../../src/cli/terminal/cells.ts';
import { loadRow, progressBar, sparkline } from '../../src/cli/terminal/charts.ts';
import { colorsFor } from '../../src/cli/terminal/colors.ts';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatExact,
  formatMeasured,
  plural,
} from '../../src/cli/terminal/format.ts';
import { createLiveBlock } from '../../src/cli/terminal/live-block.ts';
import { columnsOf, layOut } from '../../src/cli/terminal/print.ts';
import { alignColumns, formatHeadedTable, formatTable } from '../../src/cli/terminal/table.ts';
import { printable, wrapParts, wrapProse, wrapText } from '../../src/cli/terminal/text.ts';

describe('text in terminal cells', () => {
  it('counts wide characters twice and colours, accents and joiners not at all', () => {
    expect(displayWidth('abc')).toBe(3);
    expect(displayWidth('日本')).toBe(4);
    expect(displayWidth('e\u0301')).toBe(1);
    expect(displayWidth('\x1b[31mred\x1b[39m')).toBe(3);
    expect(displayWidth('\x1b[1A\r\x1b[Jred')).toBe(3);
  });

  it('cuts a line that is too wide and leaves one that fits as it is, colours included', () => {
    expect(truncate('\x1b[31mred\x1b[39m', 3)).toBe('\x1b[31mred\x1b[39m');
    expect(truncate('abcdef', 4)).toBe('abc…');
    expect(truncate('日本語', 4)).toBe('日…');
    expect(truncate('abc', 0)).toBe('');
  });

  it('never makes a line wider than asked, of any text at any width (property)', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 2, max: 41 }), (text, width) => {
        for (const line of wrapText(printable(text), width)) expect(displayWidth(line)).toBeLessThanOrEqual(width);
      }),
    );
  });

  it('loses no word when it wraps', () => {
    expect(wrapText('call me ishmael some', 7)).toEqual(['call me', 'ishmael', 'some']);
    expect(wrapText('abcdefgh ij', 3)).toEqual(['abc', 'def', 'gh', 'ij']);
    expect(wrapText('a\n\nb', 5)).toEqual(['a', '', 'b']);
  });

  it('keeps parts whole as long as they fit a line', () => {
    const parts = ['1.92 M parameters,', '4 layers,', '16 experts'];
    expect(wrapParts(parts, ' ', 28)).toEqual(['1.92 M parameters, 4 layers,', '16 experts']);
    expect(wrapParts(parts, ' ', 12)).toEqual(['1.92 M', 'parameters,', '4 layers,', '16 experts']);
  });

  it('makes control and direction characters visible, so that a sample cannot steer the terminal', () => {
    expect(printable('a\x1b[31m\u202eb\r\nc\td\x07')).toBe('a·[31m·b\nc\td·');
    expect(printable('👨‍👩‍👧')).toBe('👨‍👩‍👧');
  });
});

describe('what the program says', () => {
  const sentence = 'Held-out text: 2.8 bits per byte; the model needs 3.1 % less.';

  it('breaks at words, never between a number and its unit', () => {
    expect(wrapProse(sentence, 54)).toEqual(['Held-out text: 2.8 bits per byte; the model needs', '3.1 % less.']);
    expect(wrapProse(sentence, 20)).toEqual(['Held-out text: 2.8', 'bits per byte; the', 'model needs 3.1 %', 'less.']);
  });

  it('goes on under the indentation of its first line', () => {
    expect(wrapProse('    one two\n  three four', 9)).toEqual(['    one', '    two', '  three', '  four']);
  });

  it('leaves whole what is there to be copied: paths, and commands in backticks', () => {
    expect(wrapProse('Run: runs/a-long-name-of-a-run', 20)).toEqual(['Run:', 'runs/a-long-name-of-a-run']);
    expect(wrapProse('run `npm install webgpu` first', 20)).toEqual(['run', '`npm install webgpu`', 'first']);
  });

  it('is never broken where it is a command, which has its line to itself', () => {
    const command = 'npx tinyseek train --data moby-dick:2,code:1';
    expect(layOut(['Try this one:', { command }], 10)).toEqual(['Try this', 'one:', `  ${command}`]);
  });

  it('is left as it is for a file or a pipe, and has 80 cells where a terminal does not say', () => {
    expect(layOut([sentence, `  ${sentence}`], columnsOf({}))).toEqual([sentence, `  ${sentence}`]);
    expect([columnsOf({ isTTY: true }), columnsOf({ isTTY: true, columns: 0 })]).toEqual([80, 80]);
    expect(columnsOf({ isTTY: true, columns: 20 })).toBe(20);
  });
});

describe('numbers for people', () => {
  it('gives counts three digits and a unit', () => {
    expect([0, 7, 999, 1000, 12_345, 999_499, 999_600, 1_791_000, 671_026_419_200].map(formatCount)).toEqual([
      '0',
      '7',
      '999',
      '1.00 k',
      '12.3 k',
      '999 k',
      '1.00 M',
      '1.79 M',
      '671 B',
    ]);
    expect(formatExact(671_026_419_200)).toBe('671,026,419,200');
  });

  it('gives measured numbers three digits, and no powers of ten', () => {
    expect([0.01234, 7, 79.25, 999.4, 999.6, 1280.4].map(formatMeasured)).toEqual([
      '0.0123',
      '7.00',
      '79.3',
      '999',
      '1,000',
      '1,280',
    ]);
  });

  it('gives durations in the two largest units', () => {
    expect([0.4, 59.4, 61, 3599.6, 11_520, Number.NaN].map(formatDuration)).toEqual([
      '0s',
      '59s',
      '1m 01s',
      '1h 00m',
      '3h 12m',
      '?',
    ]);
  });

  it('counts one thing and several', () => {
    expect([1, 0, 1234].map((count) => plural(count, 'step'))).toEqual(['1 step', '0 steps', '1,234 steps']);
  });

  it('gives sizes in bytes', () => {
    expect([17, 1_250_000, 16e9].map(formatBytes)).toEqual(['17 B', '1.25 MB', '16.0 GB']);
  });
});

describe('charts of one line', () => {
  it('draws a series from its lowest to its highest value', () => {
    expect(sparkline([7, 6, 5, 4, 3, 2, 1, 0], 8)).toBe('█▇▆▅▄▃▂▁');
  });

  it('averages a long series down to the width and leaves out what is not finite', () => {
    expect(sparkline([0, 0, 7, 7, Number.NaN], 2)).toBe('▁█');
    expect(sparkline([], 5)).toBe('');
    expect(sparkline([1, 2], -3)).toBe('');
  });

  it('draws the mean load at half height, twice the mean at full height and an unused expert as a dot', () => {
    expect(loadRow([10, 10, 10, 10], 9)).toBe('▅▅▅▅');
    expect(loadRow([20, 10, 10, 0], 9)).toBe('█▅▅·');
    expect(loadRow([0, 0, 0], 9)).toBe('···');
  });

  it('shows the busiest expert of each stretch when there are more experts than cells', () => {
    expect(loadRow([1, 5, 1, 1, 1, 1], 3)).toBe('█▃▃');
  });

  it('draws a bar of exactly the width, whatever the fraction', () => {
    expect(progressBar(0.5, 4)).toBe('██░░');
    expect(progressBar(2, 3)).toBe('███');
    expect(progressBar(0.3, -1)).toBe('');
  });
});

describe('tables', () => {
  const rows = [
    ['total', '1,234'],
    ['  active', '7', 'of them'],
  ];
  const headed = [
    ['arm', 'loss', 'MaxVio'],
    ['bias', '4.25', '0.1'],
    ['none', '4.5', '12.25'],
  ];

  it('align their columns', () => {
    expect(alignColumns(rows, [1])).toEqual(['total     1,234', '  active      7  of them']);
    expect(formatTable(rows, 80, [1])).toEqual(alignColumns(rows, [1]));
    expect(formatHeadedTable(headed, 80, [1, 2])).toEqual([
      'arm   loss  MaxVio',
      'bias  4.25     0.1',
      'none   4.5   12.25',
    ]);
  });

  it('lose nothing in a terminal that is too narrow: values stand below their labels', () => {
    expect(formatTable(rows, 20, [1])).toEqual(['total', '  1,234', '  active', '    7  of them']);
  });

  it('lose nothing in a terminal that is too narrow: other columns stand below the first ones', () => {
    expect(formatHeadedTable(headed, 12, [1, 2])).toEqual([
      ...['arm   loss', 'bias  4.25', 'none   4.5', ''],
      ...['arm   MaxVio', 'bias     0.1', 'none   12.25'],
    ]);
  });
});

describe('the live block', () => {
  function fakeTerminal(columns: number) {
    const written: string[] = [];
    return { columns, written, write: (text: string) => written.push(text) > 0 };
  }

  it('goes up as many rows as it drew before it draws again', () => {
    const terminal = fakeTerminal(20);
    const block = createLiveBlock(terminal);
    block.draw(['one', 'two']);
    block.draw(['three', 'four']);
    expect(terminal.written).toEqual(['\x1b[?25lone\ntwo\n', '\x1b[2A\r\x1b[Jthree\nfour\n']);
  });

  it('prints lines above itself and stays below them', () => {
    const terminal = fakeTerminal(20);
    const block = createLiveBlock(terminal);
    block.draw(['bar']);
    block.above(['sample', 'x'.repeat(30)]);
    expect(terminal.written.at(-1)).toBe(`\x1b[1A\r\x1b[Jsample\n${'x'.repeat(30)}\nbar\n`);
  });

  it('counts the rows that a narrower terminal has wrapped its lines to', () => {
    const terminal = fakeTerminal(21);
    const block = createLiveBlock(terminal);
    block.draw(['x'.repeat(20)]);
    terminal.columns = 11;
    block.draw(['y']);
    expect(terminal.written.at(-1)).toBe('\x1b[2A\r\x1b[Jy\n');
  });

  it('gives the cursor back at the end', () => {
    const terminal = fakeTerminal(20);
    createLiveBlock(terminal).end();
    expect(terminal.written).toEqual(['\x1b[?25h']);
  });
});

describe('colours', () => {
  it('are for terminals only, and not for those that say no', () => {
    expect(colorsFor({ isTTY: true }, {}).isColorSupported).toBe(true);
    expect(colorsFor({ isTTY: false }, { CI: '1', FORCE_COLOR: '1' }).isColorSupported).toBe(false);
    expect(colorsFor({ isTTY: true }, { NO_COLOR: '1' }).isColorSupported).toBe(false);
    expect(colorsFor({ isTTY: true }, { TERM: 'dumb' }).isColorSupported).toBe(false);
  });
});
