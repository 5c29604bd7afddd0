// The optimizer's kernels against the ops that state them, on the cpu backend.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { emaUpdate } from '../../src/ops/ema-update.ts';
import { deriveSeed, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { clipScale, globalNorm } from '../../src/train/clip.ts';
import { WeightAverage } from '../../src/train/ema.ts';
import { expectSameBits } from './same-bits.ts';

await activateBackend('engine', { threads: 2 });

/** Tails of every length, and tensors of several blocks. */
const shapes: Record<string, number[]> = {
  one: [1],
  gain: [131],
  row: [1, 7],
  experts: [3, 5, 11],
  large: [257, 131],
  long: [40_009],
};
const settings = { adamBeta1: 0.9, adamBeta2: 0.95, adamEps: 1e-8, weightDecay: 0.1 };

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const tensorOf = (name: string, shape: number[], std = 1) =>
  tf.tensor(normalArray(sizeOf(shape), std, deriveSeed(name)), shape);
const makeParameters = () =>
  new Map(
    Object.entries(shapes).map(([name, shape]) => [name, tf.tidy(() => tf.variable(tensorOf(name, shape)))] as const),
  );
const makeGradients = (step: number) =>
  new Map(Object.entries(shapes).map(([name, shape]) => [name, tensorOf(`${name} ${step}`, shape, 0.01)]));

const values = (tensors: Iterable<tf.Tensor>) => Array.from(tensors, (tensor) => tensor.dataSync<'float32'>());

/** Ten steps with clipping and a moving average: parameters, moments and averages. */
async function train(adamMoments: 'float32' | 'bfloat16' = 'float32'): Promise<Float32Array[]> {
  const parameters = makeParameters();
  const optimizer = new AdamW(parameters, { ...settings, adamMoments });
  const average = new WeightAverage(parameters, 0.9);
  for (let step = 1; step <= 10; step++) {
    tf.tidy(() => optimizer.update(makeGradients(step), 0.01 / step, clipScale(tf.scalar(3), step % 2)));
    average.update();
  }
  const tensors = [...(await optimizer.exportTensors()), ...(await average.exportTensors())];
  const results = [...values(parameters.values()), ...tensors.map(({ data }) => data)];
  optimizer.dispose();
  average.dispose();
  tf.dispose([...parameters.values()]);
  return results;
}

describe('AdamW and the moving average on the engine', () => {
  it('give the bits of the cpu backend after ten steps, for any number of threads', async () => {
    await activateBackend('cpu');
    // No tolerance: both round every product, sum, quotient and root once, in the same order.
    const expected = await train();
    for (const threads of [1, 2, 3, 4]) {
      await activateBackend('engine', { threads });
      expectSameBits(await train(), expected);
    }
  });

  it('give the same bits with moments in bfloat16, which the cpu backend rounds by TF.js operations', async () => {
    await activateBackend('cpu');
    const expected = await train('bfloat16');
    for (const threads of [1, 3]) {
      await activateBackend('engine', { threads });
      expectSameBits(await train('bfloat16'), expected);
    }
  });

  it('leave the values of a clone and of an average that was taken before', async () => {
    const parameters = makeParameters();
    const optimizer = new AdamW(parameters, settings);
    const average = new WeightAverage(parameters, 0.9);
    const clones = [...parameters.values()].map((parameter) => parameter.clone());
    const before = values(parameters.values());
    tf.tidy(() => optimizer.update(makeGradients(1), 0.01, tf.scalar(1)));
    const averages = async () => (await average.exportTensors()).map(({ data }) => data);
    expectSameBits(values(clones), before);
    expectSameBits(await averages(), before);
    const moved = values(parameters.values());
    for (const [i, [first]] of moved.entries()) expect(first).not.toBe(before[i]![0]);
    optimizer.dispose();
    average.dispose();
    tf.dispose([...clones, ...parameters.values()]);
  });

  it('leave the values of a clone of an average', () => {
    tf.tidy(() => {
      const average = tf.variable(tf.tensor1d([1, 2]));
      const clone = average.clone();
      emaUpdate([{ average, parameter: tf.tensor1d([5, 2]) }], 0.75);
      expect(Array.from(average.dataSync())).toEqual([2, 2]);
      expect(Array.from(clone.dataSync())).toEqual([1, 2]);
      average.dispose();
    });
  });

  it('leak: leave tensors and heap as they were', async () => {
    const use = () => [tf.memory().numTensors, (tf.memory() as unknown as { used: number }).used];
    await train();
    const before = use();
    await train();
    expect(use()).toEqual(before);
  });
});

describe('the global norm on the engine', () => {
  const normOf = (tensors: Iterable<tf.Tensor>) => tf.tidy(() => globalNorm(tensors).dataSync()[0]!);

  it('is that of all tensors, the same bits for any number of threads', async () => {
    await activateBackend('engine', { threads: 1 });
    const expected = tf.tidy(() => {
      const gradients = [...makeGradients(1).values()];
      let sum = 0;
      for (const gradient of values(gradients)) for (const value of gradient) sum += value ** 2;
      const norm = normOf(gradients);
      // Runs of 512 squares are added in float32: 512 / 8 roundings of at most 6e-8, halved by the root.
      expect(Math.abs(norm / Math.sqrt(sum) - 1)).toBeLessThan(2e-6);
      return norm;
    });
    for (const threads of [2, 3, 4]) {
      await activateBackend('engine', { threads });
      expect(tf.tidy(() => normOf(makeGradients(1).values()))).toBe(expected);
    }
  });

  it.each([0, 130, 300_000])('is NaN with a NaN as element %i', (at) => {
    tf.tidy(() => {
      const data = new Float32Array(300_001).fill(1);
      data[at] = Number.NaN;
      expect(normOf([tf.ones([3]), tf.tensor1d(data)])).toBeNaN();
    });
  });

  it('counts empty tensors and scalars', () => {
    expect(tf.tidy(() => normOf([tf.zeros([0, 3]), tf.scalar(3), tf.tensor1d([4])]))).toBe(5);
  });
});
