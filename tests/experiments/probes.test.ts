import { describe, expect, it } from 'vitest';
import { acceptance } from '../../src/experiments/probes/acceptance.ts';
import { mostUsed } from '../../src/experiments/probes/experts-off.ts';
import { answerSpans, answersRight } from '../../src/experiments/probes/look-ahead.ts';
import { nodesPerToken } from '../../src/experiments/probes/nodes.ts';
import { nanoModel } from '../train/nano.ts';

describe('nodesPerToken', () => {
  it('counts the distinct groups of each token', () => {
    // 16 experts in 4 groups: experts 0-3, 4-7, 8-11, 12-15; 4 per token.
    const indices = [0, 1, 2, 3, 0, 4, 8, 12, 3, 4, 5, 2];
    expect(nodesPerToken(Int32Array.from(indices), nanoModel)).toEqual([1, 4, 2]);
  });
});

describe('mostUsed', () => {
  it('picks a share of the experts, most used first', () => {
    expect(mostUsed([3, 11, 5, 2, 7, 0, 13, 1], 25)).toEqual([6, 1]);
    expect(mostUsed([3, 11], 0)).toEqual([]);
  });
});

const bytes = (text: string) => Int32Array.from(text, (letter) => letter.charCodeAt(0));

describe('acceptance', () => {
  it('compares a draft with what the main model names as many steps later', () => {
    const main = [Int32Array.of(1, 2, 3, 4)];
    // Depth 1 at i drafts what the main model names at i + 1; depth 2 at i + 2.
    const mtp = [[Int32Array.of(2, 3, 9)], [Int32Array.of(3, 7)]];
    expect(acceptance({ main, mtp }, 1)).toEqual({ right: 2, all: 3 });
    expect(acceptance({ main, mtp }, 2)).toEqual({ right: 1, all: 2 });
    expect(acceptance({ main, mtp: [] }, 1)).toEqual({ right: 0, all: 0 });
  });
});

describe('answers', () => {
  const row = bytes('5=12\n7+8=15\n9+9=1');

  it('are what stands between = and a newline, as far as the row has it whole', () => {
    expect(answerSpans(row)).toEqual([
      [2, 4],
      [9, 11],
    ]);
  });

  it('count when every token of them is named one position earlier', () => {
    const batch = { batchSize: 1, seqLen: row.length - 1, ids: row, documentIds: row, domains: Int32Array.of(0) };
    const all = row.slice(1);
    expect(answersRight(batch, { main: [all], mtp: [] })).toEqual({
      whole: { right: 2, all: 2 },
      tokens: { right: 4, all: 4 },
    });
    const oneWrong = all.with(9, 0); // names the second digit of 15
    expect(answersRight(batch, { main: [oneWrong], mtp: [] })).toEqual({
      whole: { right: 1, all: 2 },
      tokens: { right: 3, all: 4 },
    });
  });
});
