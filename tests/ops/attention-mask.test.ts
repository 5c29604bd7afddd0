import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { attentionMask, attentionVisibility, maskedScore } from '../../src/ops/mla-attention.ts';
import { tf } from '../../src/tensor/tf.ts';

await activateBackend('cpu');

/** Rows of 1 where a query (row) may look at a key (column), 0 where its score is masked. */
function visible(T: number, documentIds: number[][] | null): number[][][] {
  return tf.tidy(() => {
    const mask = attentionMask(T, documentIds === null ? null : tf.tensor2d(documentIds, undefined, 'int32'));
    expect(mask.shape).toEqual([documentIds?.length ?? 1, 1, T, T]);
    const rows = mask.reshape([-1, T, T]).arraySync() as number[][][];
    for (const score of rows.flat(2)) expect([0, Math.fround(maskedScore)]).toContain(score === 0 ? 0 : score);
    return rows.map((sequence) => sequence.map((row) => row.map((score) => Number(score === 0))));
  });
}

describe('attentionMask', () => {
  it('lets a query look at itself and before', () => {
    const causal = [
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
    ];
    expect(visible(3, null)).toEqual([causal]);
    expect(visible(1, null)).toEqual([[[1]]]);
  });

  it('keeps a query within its document, row by row', () => {
    const whole = [
      [1, 0, 0],
      [1, 1, 0],
      [1, 1, 1],
    ];
    const cut = [
      [1, 0, 0],
      [0, 1, 0],
      [0, 1, 1],
    ];
    const documents = [
      [4, 4, 4],
      [0, 1, 1],
    ];
    expect(visible(3, documents)).toEqual([whole, cut]);
  });

  it('gives masked scores a probability of exactly 0, whatever the scores', () => {
    const weights = tf.tidy(() => tf.softmax(tf.tensor1d([-80, 3, 3 + maskedScore])).dataSync());
    expect(weights[2]).toBe(0);
    expect(weights[1]).toBeCloseTo(1, 6);
  });
});

describe('attentionVisibility', () => {
  it('has the mask where the backend has no kernel of its own', () => {
    const { documentIds, mask } = attentionVisibility(3, null);
    expect(documentIds).toBeNull();
    expect(mask?.shape).toEqual([1, 1, 3, 3]);
    mask?.dispose();
  });
});
