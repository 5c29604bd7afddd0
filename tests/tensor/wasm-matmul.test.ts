// Matrix products on wasm against sums in float64.

import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { wasmDataIds, wasmHeapBytes } from './wasm-heap.ts';

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Elements of a matrix of `x`, with its last two axes swapped if asked. */
function reader(x: Float32Array, [rows, columns]: readonly [number, number], transposed: boolean) {
  return (matrix: number, i: number, j: number) =>
    x[matrix * rows * columns + (transposed ? j * columns + i : i * columns + j)]!;
}

/** The index of a broadcast operand's matrix for a position in the result. */
function matrixAt(position: readonly number[], batch: readonly number[]): number {
  const offset = position.length - batch.length;
  return batch.reduce((index, length, axis) => index * length + (length === 1 ? 0 : position[axis + offset]!), 0);
}

function positions(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (all, length) => all.flatMap((p) => Array.from({ length }, (_, i) => [...p, i])),
    [[]],
  );
}

interface Product {
  readonly batchA: readonly number[];
  readonly batchB: readonly number[];
  readonly M: number;
  readonly K: number;
  readonly N: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Compares one product; float32 sums of K terms of size 1 are off by about K * 6e-8. */
function check({ batchA, batchB, M, K, N, transposeA, transposeB }: Product): void {
  const matrixA = transposeA ? ([K, M] as const) : ([M, K] as const);
  const matrixB = transposeB ? ([N, K] as const) : ([K, N] as const);
  const [shapeA, shapeB] = [
    [...batchA, ...matrixA],
    [...batchB, ...matrixB],
  ];
  const [a, b] = [normalArray(product(shapeA), 1, 1), normalArray(product(shapeB), 1, 2)];
  const batch = tf.broadcast_util.assertAndGetBroadcastShape([...batchA], [...batchB]);
  const [readA, readB] = [reader(a, matrixA, transposeA), reader(b, matrixB, transposeB)];
  const expected = positions(batch).flatMap((position) => {
    const [atA, atB] = [matrixAt(position, batchA), matrixAt(position, batchB)];
    return Array.from({ length: M * N }, (_, at) => {
      const [i, j] = [Math.floor(at / N), at % N];
      let sum = 0;
      for (let k = 0; k < K; k++) sum += readA(atA, i, k) * readB(atB, k, j);
      return sum;
    });
  });
  const result = tf.tidy(() => {
    const y = tf.matMul(tf.tensor(a, shapeA), tf.tensor(b, shapeB), transposeA, transposeB);
    return { shape: y.shape, values: y.dataSync<'float32'>() } as const;
  });
  expect(result.shape).toEqual([...batch, M, N]);
  expectAllClose(result.values, expected, { rtol: 1e-5, atol: 1e-6 * (K + 1) });
}

const batches: readonly (readonly [readonly number[], readonly number[]])[] = [
  [[], []],
  [[3], [3]],
  [
    [2, 3],
    [2, 3],
  ],
  [[1], [5]],
  [[5], [1]],
  [[], [5]],
  [[2, 3], [3]],
  [
    [2, 1],
    [2, 3],
  ],
  [
    [2, 3],
    [1, 3],
  ],
  [
    [2, 1],
    [1, 3],
  ],
];

describe('matMul on wasm', () => {
  beforeAll(() => activateBackend('wasm'));

  it.each(batches)('multiplies batches [%s] and [%s] in all transposes, broadcast as in numpy', (batchA, batchB) => {
    for (const transposeA of [false, true]) {
      for (const transposeB of [false, true]) check({ batchA, batchB, M: 5, K: 7, N: 3, transposeA, transposeB });
    }
  });

  it('property: multiplies any sizes, 1 and more than a tile included', () => {
    const size = fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 37 }));
    const shapes = fc.record({
      batch: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
      M: size,
      K: size,
      N: size,
      transposeA: fc.boolean(),
      transposeB: fc.boolean(),
    });
    fc.assert(
      fc.property(shapes, ({ batch, ...rest }) => check({ batchA: batch, batchB: batch, ...rest })),
      { numRuns: 60, seed: 1 },
    );
  });

  it('multiplies more than a thousand elements', () => {
    check({ batchA: [], batchB: [], M: 131, K: 67, N: 43, transposeA: true, transposeB: true });
  });

  it('gives zeros for a sum of nothing, and nothing for no rows', () => {
    const [zeros, none] = tf.tidy(() => [
      Array.from(tf.matMul(tf.zeros([2, 0]), tf.zeros([0, 3])).dataSync()),
      Array.from(tf.matMul(tf.zeros([0, 2]), tf.zeros([2, 3])).dataSync()),
    ]);
    expect(zeros).toEqual([0, 0, 0, 0, 0, 0]);
    expect(none).toEqual([]);
  });

  it('sees new values of a variable: XNNPACK keeps a packed copy of the right operand', () => {
    const [x, w] = [tf.tensor2d([[1, 2]]), tf.variable(tf.tensor2d([[3], [5]]))];
    const multiply = () => tf.tidy(() => tf.matMul(x, w as tf.Tensor2D).dataSync()[0]);
    expect(multiply()).toBe(13);
    tf.tidy(() => w.assign(tf.tensor2d([[7], [11]])));
    expect(multiply()).toBe(29);
    tf.dispose([x, w]);
  });

  it('refuses integers, whose bits are not floats', () => {
    const integers = tf.tensor2d([[1, 2]], undefined, 'int32');
    expect(() => tf.matMul(integers, integers, false, true)).toThrow('float32 only');
    integers.dispose();
  });

  it('leak: hundreds of batched, transposed products leave no view and do not grow the heap', () => {
    const [a, b] = [tf.ones([4, 128, 64]), tf.ones([4, 96, 64])];
    const run = () => tf.matMul(a, b, false, true).dispose();
    for (let i = 0; i < 5; i++) run();
    const [ids, heap] = [wasmDataIds(), wasmHeapBytes()];
    // 196 kB of results, 98 kB of transposed operands and as much of packed ones each: 196 MB if they stayed.
    for (let i = 0; i < 500; i++) run();
    expect(wasmDataIds()).toBe(ids);
    expect(wasmHeapBytes()).toBe(heap);
    tf.dispose([a, b]);
  });
});
