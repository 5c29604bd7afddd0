import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { embeddingsAtDepth, labelsAtDepth, labelsWithinDocument } from '../../src/mtp/alignment.ts';
import { tf } from '../../src/tensor/tf.ts';

beforeAll(() => activateBackend('cpu'));

/** x[0..6] of two rows: T = 6. */
const rows = [
  [10, 11, 12, 13, 14, 15, 16],
  [20, 21, 22, 23, 24, 25, 26],
];
const labels = (ids: number[][], k: number) =>
  tf.tidy(() => labelsAtDepth(tf.tensor2d(ids, undefined, 'int32'), k).arraySync());
const within = (documents: number[][], k: number) =>
  tf.tidy(() => labelsWithinDocument(tf.tensor2d(documents, undefined, 'int32'), k).arraySync());

describe('labelsAtDepth', () => {
  it('golden: the main model predicts x1 to x6, depth 1 has five labels x2 to x6, depth 2 four', () => {
    expect(labels(rows, 0)).toEqual([
      [11, 12, 13, 14, 15, 16],
      [21, 22, 23, 24, 25, 26],
    ]);
    expect(labels(rows, 1)).toEqual([
      [12, 13, 14, 15, 16],
      [22, 23, 24, 25, 26],
    ]);
    expect(labels(rows, 2)).toEqual([
      [13, 14, 15, 16],
      [23, 24, 25, 26],
    ]);
  });
});

describe('embeddingsAtDepth', () => {
  it('gives position i the embedding of input i + k, one label before the one it predicts', () => {
    const inputs = rows.map((row) => row.slice(0, -1));
    const embeddings = inputs.map((row) => row.map((id) => [id, -id]));
    for (const k of [1, 2]) {
      const read = tf.tidy(() => embeddingsAtDepth(tf.tensor3d(embeddings), k).arraySync());
      expect(read).toEqual(inputs.map((row) => row.slice(k).map((id) => [id, -id])));
      expect(read.map((row) => row.map(([id]) => (id ?? 0) + 1))).toEqual(labels(rows, k));
    }
  });
});

describe('labelsWithinDocument', () => {
  it('B13: drops every label that stands in another document than the position that predicts it', () => {
    const documents = [[0, 0, 0, 1, 1, 1, 1]];
    expect(within(documents, 0)).toEqual([[1, 1, 0, 1, 1, 1]]);
    expect(within(documents, 1)).toEqual([[1, 0, 0, 1, 1]]);
    expect(within(documents, 2)).toEqual([[0, 0, 0, 1]]);
  });

  it('B13: keeps a document that is shorter than the depth out, and all of a row that is one document', () => {
    expect(within([[0, 0, 1, 2, 2, 2]], 1)).toEqual([[0, 0, 0, 1]]);
    expect(within([[3, 3, 3, 3]], 1)).toEqual([[1, 1]]);
    expect(within([[0, 1, 2, 3]], 0)).toEqual([[0, 0, 0]]);
  });
});
