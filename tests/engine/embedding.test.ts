import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { deriveSeed, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectSameBits } from './same-bits.ts';

await activateBackend('engine', { threads: 2 });

const numbers = (name: string, size: number) => normalArray(size, 1, deriveSeed(name));

describe('gather on the engine', () => {
  it('takes rows of any rank, by indices of any rank', () => {
    tf.tidy(() => {
      const x = tf.tensor3d(numbers('x', 30), [5, 3, 2]);
      const rows = tf.gather(x, tf.tensor2d([[4], [0]], undefined, 'int32'));
      expect(rows.shape).toEqual([2, 1, 3, 2]);
      const values = x.arraySync();
      expect(rows.arraySync()).toEqual([[values[4]], [values[0]]]);
      const none = tf.gather(x, tf.tensor1d([], 'int32'));
      expect(none.shape).toEqual([0, 3, 2]);
    });
  });

  it('takes integers, and leaves other axes to the cpu kernel', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
      const rows = tf.gather(x, tf.tensor1d([1, 1], 'int32'));
      expect(rows.dtype).toBe('int32');
      expect(Array.from(rows.dataSync())).toEqual([4, 5, 6, 4, 5, 6]);
      expect(Array.from(tf.gather(x, tf.tensor1d([2, 0], 'int32'), 1).dataSync())).toEqual([3, 1, 6, 4]);
    });
  });

  it.each([-1, 5, 2 ** 31 - 1])('refuses index %i of 5 rows', (index) => {
    tf.tidy(() => {
      const x = tf.zeros([5, 3]);
      const indices = tf.tensor1d([0, index], 'int32');
      expect(() => tf.gather(x, indices)).toThrow(`gather: index ${index} is outside 0 .. 4`);
    });
  });
});

describe('sums by segment on the engine', () => {
  it.each([1, 7, 16, 37])('adds rows of %i in order, and leaves out ids outside', (width) => {
    tf.tidy(() => {
      const [ids, x] = [[3, 0, 3, -1, 5, 3, 4], numbers('x', 7 * width)];
      const sums = tf.unsortedSegmentSum(tf.tensor2d(x, [7, width]), tf.tensor1d(ids, 'int32'), 5);
      const expected = new Float32Array(5 * width);
      for (const [row, id] of ids.entries()) {
        if (id < 0 || id > 4) continue;
        for (let i = 0; i < width; i++) expected[id * width + i]! += x[row * width + i]!;
      }
      expect(sums.shape).toEqual([5, width]);
      expect(sums.dataSync()).toEqual(expected);
    });
  });

  it('gives the same bits for any number of threads, and of gathers', async () => {
    const [rows, width, segments] = [1009, 131, 97];
    const run = () =>
      tf.tidy(() => {
        const x = tf.tensor2d(numbers('x', rows * width), [rows, width]);
        const ids = tf.tensor1d(
          Array.from({ length: rows }, (_, i) => (i * i) % segments),
          'int32',
        );
        return [tf.gather(x, ids), tf.unsortedSegmentSum(x, ids, segments)].map((tensor) =>
          tensor.dataSync<'float32'>(),
        );
      });
    const expected = run();
    for (const threads of [1, 3, 4]) {
      await activateBackend('engine', { threads });
      expectSameBits(run(), expected);
    }
  });
});
