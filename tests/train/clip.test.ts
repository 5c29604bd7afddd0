import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { tf } from '../../src/tensor/tf.ts';
import { clipScale, globalNorm } from '../../src/train/clip.ts';

beforeAll(async () => {
  await activateBackend('wasm');
});

const read = async (scalar: tf.Scalar): Promise<number> => (await scalar.data())[0] ?? Number.NaN;

describe('globalNorm', () => {
  it('is the L2 norm over all tensors of any rank', async () => {
    const norm = globalNorm([tf.tensor1d([2, -4]), tf.tensor2d([[4]]), tf.ones([2, 2, 3]), tf.tensor1d([1])]);
    expect(await read(norm)).toBe(7); // 4 + 16 + 16 + 12 + 1
  });

  it('shows a single NaN or infinity anywhere', async () => {
    expect(await read(globalNorm([tf.ones([3]), tf.tensor2d([[1, Number.NaN]])]))).toBeNaN();
    expect(await read(globalNorm([tf.ones([3]), tf.tensor1d([Number.NEGATIVE_INFINITY])]))).toBe(Infinity);
  });

  it('keeps four digits over a million equal elements', async () => {
    const norm = globalNorm([tf.fill([1009, 991], 0.1)]);
    // Summing rows first is off by 8e-6; one running float32 sum by 7e-3.
    expect((await read(norm)) / (0.1 * Math.sqrt(1009 * 991))).toBeCloseTo(1, 4);
  });

  it('leak: makes one tensor', () => {
    const gradients = [tf.ones([3]), tf.ones([2, 5])];
    const before = tf.memory().numTensors;
    clipScale(globalNorm(gradients), 1);
    expect(tf.memory().numTensors).toBe(before + 2);
  });
});

describe('clipScale', () => {
  it('brings larger gradients down to the limit and leaves smaller ones alone', async () => {
    expect(await read(clipScale(tf.scalar(4), 1))).toBeCloseTo(0.25, 6);
    expect(await read(clipScale(tf.scalar(0.5), 1))).toBe(1);
    expect(await read(clipScale(tf.scalar(0), 1))).toBe(1);
  });

  it('does nothing when the limit is 0', async () => {
    expect(await read(clipScale(tf.scalar(1e9), 0))).toBe(1);
  });
});
