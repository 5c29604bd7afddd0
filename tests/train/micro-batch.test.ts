import { describe, expect, it } from 'vitest';
import type { Batch } from '../../src/data/types.ts';
import { countLabelBytes, countLabels, labelShares, lossInput, splitBatch } from '../../src/train/micro-batch.ts';

/** Three rows of T = 3; documents change inside the second and the third. */
const batch: Batch = {
  batchSize: 3,
  seqLen: 3,
  ids: Int32Array.from([10, 11, 12, 13, 20, 21, 22, 23, 30, 31, 32, 33]),
  documentIds: Int32Array.from([0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 1, 1]),
  domains: Int32Array.from([4, 5, 6]),
};

/** Powers of two, so that sums are exact and say which tokens are in them. The first of a row is no label. */
const weighted: Batch = { ...batch, labelWeights: Float32Array.from([64, 1, 2, 0, 64, 4, 8, 16, 64, 0, 0, 0.5]) };

describe('splitBatch', () => {
  it('gives the rows in order, whole', () => {
    const parts = splitBatch(batch, 3);
    expect(parts.map(({ ids }) => Array.from(ids))).toEqual([
      [10, 11, 12, 13],
      [20, 21, 22, 23],
      [30, 31, 32, 33],
    ]);
    expect(parts.map(({ batchSize, domains }) => [batchSize, ...domains])).toEqual([
      [1, 4],
      [1, 5],
      [1, 6],
    ]);
  });
});

describe('weights of labels', () => {
  it('stay with their rows, and are absent where they were', () => {
    expect(splitBatch(weighted, 3).map(({ labelWeights }) => Array.from(labelWeights!))).toEqual([
      [64, 1, 2, 0],
      [64, 4, 8, 16],
      [64, 0, 0, 0.5],
    ]);
    expect(splitBatch(batch, 3).every((part) => !('labelWeights' in part))).toBe(true);
  });

  it("are what labels count for, at the depth that predicts them: the weight is the token's", () => {
    expect([0, 1, 2].map((depth) => countLabels(weighted, depth, false))).toEqual([31.5, 26.5, 16.5]);
    expect([0, 1, 2].map((depth) => countLabels(weighted, depth, true))).toEqual([23.5, 2.5, 0]);
    const byteLength = (id: number) => (id % 10 === 0 ? 1000 : id % 10);
    expect(countLabelBytes(weighted, true, { byteLength })).toBe(1 + 4 + 4 + 48 + 1.5);
  });

  it('give parts their shares, which add up to 1, or are 0 where nothing counts', () => {
    const small = { ...weighted, labelWeights: weighted.labelWeights!.map((weight) => weight / 64) };
    for (const batch of [weighted, small]) {
      expect(labelShares(splitBatch(batch, 3), 2, true)).toEqual([
        [3 / 23.5, 2 / 2.5, 0],
        [20 / 23.5, 0, 0],
        [0.5 / 23.5, 0.5 / 2.5, 0],
      ]);
    }
  });

  it.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('of %s are refused', (weight) => {
    const wrong = { ...weighted, labelWeights: weighted.labelWeights!.with(6, weight) };
    expect(() => lossInput(wrong, false)).toThrow(`found ${weight} in row 1 at token 2; use 0 to mask one`);
  });
});

describe('countLabels', () => {
  it('counts T - k labels a row at depth k, none beyond the end of a row', () => {
    expect([0, 1, 2, 3].map((depth) => countLabels(batch, depth, false))).toEqual([9, 6, 3, 0]);
  });

  it('B13: leaves out labels in another document than the position that predicts them', () => {
    const rows = splitBatch(batch, 3);
    expect(rows.map((row) => [0, 1, 2].map((depth) => countLabels(row, depth, true)))).toEqual([
      [3, 2, 1],
      [2, 0, 0],
      [2, 1, 0],
    ]);
  });
});

describe('countLabelBytes', () => {
  it('counts the bytes of predicted tokens, so never those of the first in a row', () => {
    const byteLength = (id: number) => (id % 10 === 0 ? 1000 : id % 10);
    expect(countLabelBytes(batch, false, { byteLength })).toBe(3 * (1 + 2 + 3));
    expect(countLabelBytes(batch, true, { byteLength })).toBe(1 + 2 + 3 + (1 + 3) + (2 + 3));
  });
});

describe('labelShares', () => {
  it('are equal without a mask, and follow the labels with one', () => {
    expect(labelShares(splitBatch(batch, 3), 1, false)).toEqual(new Array(3).fill([1 / 3, 1 / 3]));
    expect(labelShares(splitBatch(batch, 3), 1, true)).toEqual([
      [3 / 7, 2 / 3],
      [2 / 7, 0],
      [2 / 7, 1 / 3],
    ]);
  });
});
