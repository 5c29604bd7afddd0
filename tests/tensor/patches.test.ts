// Holes of TF.js 4.22 that the program repairs or goes around. Each test states what has to be right.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { registerPatches } from '../../src/tensor/patches.ts';
import { tf } from '../../src/tensor/tf.ts';
import { wasmDataIds } from './wasm-heap.ts';

/** Gradient of a scalar with respect to one variable of the given values. */
function gradientOf(values: number[][], f: (x: tf.Tensor2D) => tf.Tensor): number[] {
  return tf.tidy(() => {
    const x = tf.variable(tf.tensor2d(values));
    const { grads } = valueAndGrads(() => tf.sum(f(x as tf.Tensor2D)).asScalar(), [x as tf.Variable]);
    const gradient = Array.from(grads[0]!.dataSync());
    x.dispose();
    return gradient;
  });
}

const read = (f: () => tf.Tensor): number[] => tf.tidy(() => Array.from(f().dataSync()));

describe.each(['cpu', 'wasm'] as const)('repairs of TF.js on %s', (backend) => {
  beforeAll(() => activateBackend(backend));

  it('UnsortedSegmentSum (missing on wasm, tfjs#8082): adds rows by segment and drops negative ids', () => {
    const x = [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ];
    const sum = () => tf.unsortedSegmentSum(tf.tensor2d(x), tf.tensor1d([2, 0, 2, -1], 'int32'), 4);
    expect(read(sum)).toEqual([3, 4, 0, 0, 6, 8, 0, 0]);
    expect(read(() => tf.unsortedSegmentSum([1, 2, 4], tf.tensor1d([1, 1, 0], 'int32'), 3))).toEqual([4, 3, 0]);
  });

  it('UnsortedSegmentSum: gives gathers their gradient, repeated rows added up', () => {
    const rows = [
      [1, 2],
      [3, 4],
      [5, 6],
    ];
    const pick = (x: tf.Tensor2D) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32'));
    const weighted = (x: tf.Tensor2D) => tf.mul(pick(x), tf.tensor2d([[1], [10], [100]]));
    expect(gradientOf(rows, weighted)).toEqual([10, 10, 0, 0, 101, 101]);
  });

  it('OneHot: ones are 1 in float32 (1.4e-45 on wasm before), indices out of range give none', () => {
    const ids = () => tf.tensor1d([2, 0, -1, 3], 'int32');
    const expected = [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    expect(read(() => tf.oneHot(ids(), 3, 1, 0, 'float32'))).toEqual(expected);
    expect(read(() => tf.oneHot(ids(), 3))).toEqual(expected);
    expect(read(() => tf.oneHot(tf.tensor1d([1], 'int32'), 3, 5, -2, 'float32'))).toEqual([-2, 5, -2]);
    expect(read(() => tf.mul(tf.oneHot(tf.tensor2d([[1], [0]], undefined, 'int32'), 2, 1, 0, 'float32'), 3))).toEqual([
      0, 3, 3, 0,
    ]);
  });

  it('split and unstack into a single part have a gradient (TF.js passes it without its list)', () => {
    const x = [
      [1, 2],
      [3, 4],
    ];
    expect(gradientOf(x, (x) => tf.square(tf.split(x, [2], 0)[0]!))).toEqual([2, 4, 6, 8]);
    expect(gradientOf([[1, 2]], (x) => tf.square(tf.unstack(x, 0)[0]!))).toEqual([2, 4]);
    expect(gradientOf(x, (x) => tf.square(tf.split(x, [1, 1], 1)[1]!))).toEqual([0, 4, 0, 8]);
  });

  it('a clone outlives its original, and the memory of both comes back', () => {
    const ids = wasmDataIds();
    const before = tf.memory();
    const x = tf.tensor1d([2, 3, 5]);
    const [copy, other] = [tf.clone(x), tf.clone(x)];
    x.dispose();
    other.dispose();
    expect(Array.from(copy.dataSync())).toEqual([2, 3, 5]);
    copy.dispose();
    expect(tf.memory().numDataBuffers).toBe(before.numDataBuffers);
    expect(wasmDataIds()).toBe(ids);
  });

  it('TopK orders by value, then by smaller index, with -Infinity last', () => {
    const low = Number.NEGATIVE_INFINITY;
    const x = () => tf.tensor2d([[low, 1, -2, 1, low, 0]]);
    expect(read(() => tf.topk(x(), 4).indices)).toEqual([1, 3, 5, 2]);
  });

  it('softplus keeps its input for the gradient: log(sigmoid(x)) has gradient sigmoid(-x) (logSigmoid has not)', () => {
    const gradient = gradientOf([[-30, 0, 30]], (x) => tf.neg(tf.softplus(tf.neg(tf.mul(x, 1)))));
    expect(gradient[0]).toBeCloseTo(1, 6);
    expect(gradient[1]).toBeCloseTo(0.5, 6);
    expect(gradient[2]).toBeCloseTo(0, 6);
  });
});

describe('repairs of TF.js, when a backend starts', () => {
  it('replace gradients that its package brought again (tfjs-node imports all of TF.js)', () => {
    const theirs: tf.GradConfig['gradFunc'] = () => ({});
    for (const kernelName of ['SplitV', 'Unpack']) tf.registerGradient({ kernelName, gradFunc: theirs });
    registerPatches('a backend with such a package');
    for (const kernelName of ['SplitV', 'Unpack']) expect(tf.getGradient(kernelName).gradFunc).not.toBe(theirs);
  });
});
