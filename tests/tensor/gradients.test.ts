import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { wasmHeapBytes } from './wasm-heap.ts';

describe.each(['cpu', 'wasm'] as const)('valueAndGrads on %s', (backend) => {
  let x: tf.Variable<tf.Rank.R2>;
  let w: tf.Variable<tf.Rank.R2>;
  let unused: tf.Variable<tf.Rank.R1>;
  beforeAll(async () => {
    await activateBackend(backend);
    const make = <R extends tf.Rank>(values: number[], shape: tf.ShapeMap[R]) =>
      tf.tidy(() => tf.variable(tf.tensor<R>(values, shape)));
    x = make<tf.Rank.R2>([1, 2, 3, 4, 5, 6], [2, 3]);
    w = make<tf.Rank.R2>([1, 0, -1, 2, 1, 0], [3, 2]);
    unused = make<tf.Rank.R1>([7, 8], [2]);
  });
  afterAll(() => tf.dispose([x, w, unused]));

  /** Uses products, slices, splits, gathers: everything that has a kernel or a gradient of our own. */
  function loss(): tf.Scalar {
    const product = tf.matMul(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), w as tf.Tensor2D, false, true);
    const rows = tf.gather(product, tf.tensor1d([1, 0, 1], 'int32'));
    const parts = tf.split(rows, [2, 1], 1);
    const stacked = tf.unstack(tf.slice(parts[0]!, [0, 1], [3, 1]), 0);
    return tf.sum(tf.addN(stacked)).asScalar();
  }

  it('gives gradients in the order of the variables, and zeros for one the loss does not use', () => {
    const { value, grads } = valueAndGrads(() => tf.sum(tf.mul(x, 3)).asScalar(), [unused, x]);
    expect(value.dataSync()[0]).toBe(63);
    expect(grads.map(({ shape }) => shape)).toEqual([[2], [2, 3]]);
    expect(Array.from(grads[0]!.dataSync())).toEqual([0, 0]);
    expect(Array.from(grads[1]!.dataSync())).toEqual([3, 3, 3, 3, 3, 3]);
    tf.dispose([value, ...grads]);
  });

  it('leak: leaves the value and one gradient per variable, and no more after 50 runs', () => {
    const run = () => {
      const { value, grads } = valueAndGrads(loss, [x, w, unused]);
      tf.dispose([value, ...grads]);
    };
    const before = tf.memory();
    const { value, grads } = valueAndGrads(loss, [x, w, unused]);
    expect(tf.memory().numTensors).toBe(before.numTensors + 4);
    tf.dispose([value, ...grads]);
    for (let i = 0; i < 10; i++) run();
    const heap = wasmHeapBytes();
    for (let i = 0; i < 50; i++) run();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    expect(wasmHeapBytes()).toBe(heap);
  });

  it('copes with a gradient function that hands on what it was given, or one tensor for two inputs', () => {
    const twice = tf.customGrad((...args) => {
      const [a, b, save] = args as unknown as [tf.Tensor, tf.Tensor, (tensors: tf.Tensor[]) => void];
      save([a]);
      return { value: tf.add(a, b), gradFunc: (dy: tf.Tensor) => [dy, dy] };
    });
    const before = tf.memory().numTensors;
    const { value, grads } = valueAndGrads(() => tf.sum(twice(tf.mul(x, 2), tf.add(x, x))).asScalar(), [x]);
    expect(Array.from(grads[0]!.dataSync())).toEqual([4, 4, 4, 4, 4, 4]);
    tf.dispose([value, ...grads]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leak: tensors kept by the loss are the only ones left of it', () => {
    const kept: tf.Tensor[] = [];
    const before = tf.memory().numTensors;
    const { value, grads } = valueAndGrads(() => {
      kept.push(tf.keep(tf.mul(x, 2)));
      return loss();
    }, [x]);
    tf.dispose([value, ...grads]);
    expect(tf.memory().numTensors).toBe(before + 1);
    expect(Array.from(kept[0]!.dataSync())).toEqual([2, 4, 6, 8, 10, 12]);
    tf.dispose(kept);
  });

  it('leak: leaves nothing of a loss that threw, and still differentiates after it', () => {
    const before = tf.memory().numTensors;
    expect(() =>
      valueAndGrads(() => {
        loss();
        throw new Error('in the middle');
      }, [x]),
    ).toThrow('in the middle');
    expect(tf.memory().numTensors).toBe(before);
    const { value, grads } = valueAndGrads(() => tf.sum(tf.square(x)).asScalar(), [x]);
    expect(Array.from(grads[0]!.dataSync())).toEqual([2, 4, 6, 8, 10, 12]);
    tf.dispose([value, ...grads]);
  });
});
