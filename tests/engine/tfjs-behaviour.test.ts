// What any TF.js backend does: tidy and dispose free memory, reads are copies, tensors move between backends.

import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { HeapUse } from '../../src/engine/heap.ts';
import { tf } from '../../src/tensor/tf.ts';

await activateBackend('engine', { threads: 2 });
const usedBytes = () => (tf.memory() as tf.MemoryInfo & HeapUse).used;

/** What a function computes, as plain numbers. */
function valuesOf(f: () => tf.Tensor): number[] {
  const x = tf.tidy(f);
  const values = [...x.dataSync()];
  x.dispose();
  return values;
}

describe('memory', () => {
  let before: { used: number; tensors: number };
  beforeEach(() => {
    before = { used: usedBytes(), tensors: tf.memory().numTensors };
  });
  afterEach(() => {
    expect(usedBytes()).toBe(before.used);
    expect(tf.memory().numTensors).toBe(before.tensors);
  });

  it('is what tf.memory() says: bytes of tensors, and of their blocks', () => {
    const x = tf.ones([5, 100]);
    const memory = tf.memory() as tf.MemoryInfo & HeapUse;
    expect(memory.unreliable).toBe(false);
    expect(memory.numBytes).toBeGreaterThanOrEqual(2000);
    expect(memory.used).toBe(before.used + 2048);
    expect(memory.peak).toBeGreaterThanOrEqual(memory.used);
    expect(memory.reserved).toBeGreaterThanOrEqual(memory.used);
    x.dispose();
  });

  it('is given back by tidy, except what it returns', () => {
    const y = tf.tidy(() => {
      const x = tf.ones([30, 30]);
      return tf.matMul(tf.add(x, x), tf.relu(x));
    });
    expect(usedBytes()).toBe(before.used + 4096); // the block of 900 floats
    expect(tf.memory().numTensors).toBe(before.tensors + 1);
    y.dispose();
  });

  it('is shared by clones and reshapes until the last is gone', () => {
    const x = tf.tensor1d([1, 2, 3, 4]);
    const used = usedBytes();
    const [clone, square] = [x.clone(), x.reshape([2, 2])];
    expect(usedBytes()).toBe(used);
    x.dispose();
    expect([...clone.dataSync()]).toEqual([1, 2, 3, 4]);
    clone.dispose();
    expect(square.arraySync()).toEqual([
      [1, 2],
      [3, 4],
    ]);
    square.dispose();
  });

  it('is given back when an op fails for want of it', () => {
    const column = tf.ones([65536, 1]);
    const used = usedBytes();
    expect(() => tf.tidy(() => tf.matMul(column, tf.ones([1, 65536])))).toThrow('engine memory: 16384 MiB do not fit');
    expect(usedBytes()).toBe(used);
    column.dispose();
  });

  it('is not needed for tensors without elements', () => {
    tf.tidy(() => {
      const empty = tf.zeros([0, 7]);
      expect(tf.matMul(empty, tf.ones([7, 3])).shape).toEqual([0, 3]);
      expect([...tf.concat([empty, tf.ones([1, 7])]).dataSync()]).toEqual([1, 1, 1, 1, 1, 1, 1]);
      expect([...tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 2])).dataSync()]).toEqual([0, 0, 0, 0]);
    });
  });

  it('is given back when complex and string tensors are gone', () => {
    const spectrum = tf.tidy(() => tf.ifft(tf.fft(tf.complex([1, 2, 3, 4], [0, 0, 0, 0]))));
    expect(valuesOf(() => tf.real(spectrum))).toEqual([1, 2, 3, 4]);
    spectrum.dispose();
    tf.tensor1d(['to', 'be'], 'string').dispose();
  });
});

describe('values', () => {
  it('are copied from the array a tensor is made of', () => {
    const values = new Float32Array([1, 2, 3]);
    const x = tf.tensor1d(values);
    values.fill(9);
    expect([...x.dataSync()]).toEqual([1, 2, 3]);
    x.dispose();
  });

  it('are copied by dataSync and data', async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const [sync, async] = [x.dataSync(), await x.data()];
    sync.fill(9);
    async.fill(8);
    expect([...x.dataSync()]).toEqual([1, 2, 3]);
    x.dispose();
    tf.fill([3], 7).dispose();
    expect([...sync, ...async]).toEqual([9, 9, 9, 8, 8, 8]);
  });

  it('keep their types', () => {
    tf.tidy(() => {
      expect(tf.tensor1d([1.7, -1.7], 'int32').dataSync()).toEqual(new Int32Array([1, -1]));
      expect(tf.tensor1d([true, false], 'bool').dataSync()).toEqual(new Uint8Array([1, 0]));
      expect(tf.greater(tf.tensor1d([1, 2, 3]), 2).dataSync()).toEqual(new Uint8Array([0, 0, 1]));
      expect(tf.logicalNot(tf.tensor1d([true, false], 'bool')).dataSync()).toEqual(new Uint8Array([0, 1]));
      expect(tf.where(tf.tensor1d([true, false], 'bool'), [1, 2], [3, 4]).dataSync()).toEqual(new Float32Array([1, 4]));
      expect([...tf.cast(tf.tensor1d([1.5, 0]), 'bool').dataSync()]).toEqual([1, 0]);
      expect(tf.tensor1d(['to', 'be'], 'string').dataSync()).toEqual(['to', 'be']);
      expect([...tf.tensor1d([Number.NaN, Number.POSITIVE_INFINITY, -0]).dataSync()]).toEqual([
        Number.NaN,
        Number.POSITIVE_INFINITY,
        -0,
      ]);
    });
  });

  it('can be complex', () => {
    tf.tidy(() => {
      const spectrum = tf.fft(tf.complex([1, 0, 0, 0], [0, 0, 0, 0]));
      expect([...tf.real(spectrum).dataSync()]).toEqual([1, 1, 1, 1]);
      expect([...tf.imag(spectrum).dataSync()]).toEqual([0, 0, 0, 0]);
    });
  });

  it('can be assigned to variables and watched by gradients', () => {
    const weight = tf.variable(tf.tensor1d([1, 2, 3]));
    const { value, grads } = tf.variableGrads(() => tf.sum(tf.square(weight)).asScalar(), [weight]);
    expect(value.dataSync()[0]).toBe(14);
    weight.assign(tf.tidy(() => tf.sub(weight, tf.mul(0.5, Object.values(grads)[0]!))));
    expect([...weight.dataSync()]).toEqual([0, 0, 0]);
    tf.dispose([value, grads, weight]);
  });

  it('move from the cpu backend to the engine and back', async () => {
    const used = usedBytes();
    await activateBackend('cpu');
    const made = {
      float: tf.tensor2d([1, 2, 3, 4], [2, 2]),
      int: tf.tensor1d([1, 2], 'int32'),
      flag: tf.tensor1d([true, false], 'bool'),
      text: tf.tensor1d(['to', 'be'], 'string'),
    };
    const clone = made.float.clone();
    await activateBackend('engine', { threads: 2 });
    const product = tf.matMul(made.float, clone);
    expect([...product.dataSync()]).toEqual([7, 10, 15, 22]);
    expect(valuesOf(() => tf.add(made.int, 1))).toEqual([2, 3]);
    expect(valuesOf(() => tf.logicalNot(made.flag))).toEqual([0, 1]);
    expect(made.text.dataSync()).toEqual(['to', 'be']);
    expect(usedBytes()).toBeGreaterThan(used);
    await activateBackend('cpu');
    expect(valuesOf(() => tf.add(product, made.float))).toEqual([8, 12, 18, 26]);
    made.float.dispose();
    expect([...clone.dataSync()]).toEqual([1, 2, 3, 4]);
    await activateBackend('engine', { threads: 2 });
    tf.dispose([made.int, made.flag, made.text, clone, product]);
    expect(usedBytes()).toBe(used);
  });
});

describe('measurements', () => {
  it('are those of tf.profile and tf.time', async () => {
    const { kernels, newTensors, peakBytes } = await tf.profile(() =>
      tf.tidy(() => tf.matMul(tf.ones([3, 5]), tf.ones([5, 2]))),
    );
    expect(kernels.map(({ name }) => name)).toContain('BatchMatMul');
    expect(newTensors).toBe(1);
    expect(peakBytes).toBeGreaterThanOrEqual(4 * 31);
    const time = await tf.time(() => tf.tidy(() => void tf.matMul(tf.ones([50, 50]), tf.ones([50, 50]))));
    expect(time.kernelMs).toBeGreaterThan(0);
  });
});
