import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { tf } from '../../src/tensor/tf.ts';
import { WeightAverage } from '../../src/train/ema.ts';

beforeAll(async () => {
  await activateBackend('wasm');
});

function setUp() {
  const weight = tf.tidy(() => tf.variable(tf.tensor1d([1, 2, 3])));
  return { weight, average: new WeightAverage(new Map([['w', weight]]), 0.75) };
}

const set = (weight: tf.Variable, values: number[]) => tf.tidy(() => weight.assign(tf.tensor1d(values)));

describe('WeightAverage', () => {
  it('starts at the weights and follows them by 1 - decay', async () => {
    const { weight, average } = setUp();
    set(weight, [5, 2, -1]);
    average.update();
    average.update();
    // 1 + 4 * (1 - 0.75^2): exact in float32.
    expect((await average.exportTensors())[0]).toEqual({
      name: 'ema.w',
      shape: [3],
      data: new Float32Array([2.75, 2, 1.25]),
    });
  });

  it('lends the averages to an evaluation and gives the weights back, even after an error', async () => {
    const { weight, average } = setUp();
    set(weight, [5, 5, 5]);
    const seen = await average.evaluateWith(async () => Array.from(await weight.data()));
    expect(seen).toEqual([1, 2, 3]);
    expect(Array.from(await weight.data())).toEqual([5, 5, 5]);
    await expect(average.evaluateWith(() => Promise.reject(new Error('stop')))).rejects.toThrow('stop');
    expect(Array.from(await weight.data())).toEqual([5, 5, 5]);
  });

  it('keeps its averages when it is updated after an evaluation', async () => {
    const { weight, average } = setUp();
    await average.evaluateWith(async () => {});
    set(weight, [5, 2, 3]);
    average.update();
    expect(Array.from((await average.exportTensors())[0]?.data ?? [])).toEqual([2, 2, 3]);
  });

  it('leak: updates and evaluations leave the number of tensors as it was', async () => {
    const { average } = setUp();
    const before = tf.memory().numTensors;
    average.update();
    await average.evaluateWith(async () => average.update());
    expect(tf.memory().numTensors).toBe(before);
    average.dispose();
    expect(tf.memory().numTensors).toBe(before - 1);
  });

  it('restores what it exported', async () => {
    const { average } = setUp();
    average.importTensors([{ name: 'ema.w', shape: [3], data: new Float32Array([7, 8, 9]) }]);
    expect(Array.from((await average.exportTensors())[0]?.data ?? [])).toEqual([7, 8, 9]);
  });
});
