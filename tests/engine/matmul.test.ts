// Matrix products of the engine against a plain loop in double precision.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { deriveSeed, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';

await activateBackend('engine', { threads: 2 });

interface Product {
  readonly batchA?: number[];
  readonly batchB?: number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

const ways = [
  [false, false],
  [true, false],
  [false, true],
  [true, true],
] as const;

function operands({ batchA = [], batchB = [], m, n, k }: Product, transposeA: boolean, transposeB: boolean) {
  const make = (name: string, shape: number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return tf.tensor(normalArray(size, 1, deriveSeed(name, `${shape}`)), shape);
  };
  return {
    a: make('a', [...batchA, ...(transposeA ? [k, m] : [m, k])]),
    b: make('b', [...batchB, ...(transposeB ? [n, k] : [k, n])]),
  };
}

/** Largest difference from the exact product, as a share of the sum of its terms' magnitudes. */
function worstError(product: Product, transposeA: boolean, transposeB: boolean): number {
  const { m, n, k, batchA = [], batchB = [] } = product;
  return tf.tidy(() => {
    const { a, b } = operands(product, transposeA, transposeB);
    const actual = tf.matMul(a, b, transposeA, transposeB).dataSync();
    const [x, y] = [a.dataSync(), b.dataSync()];
    const size = (shape: number[]) => shape.reduce((p, q) => p * q, 1);
    const [sizeA, sizeB] = [size(batchA), size(batchB)];
    const batch = Math.max(sizeA, sizeB);
    expect(actual).toHaveLength(batch * m * n);
    let worst = 0;
    for (let p = 0; p < batch * m * n; p++) {
      const [matrix, i, j] = [Math.floor(p / (m * n)), Math.floor(p / n) % m, p % n];
      const [fromA, fromB] = [sizeA === 1 ? 0 : matrix * m * k, sizeB === 1 ? 0 : matrix * k * n];
      let [sum, magnitude] = [0, 1e-30];
      for (let q = 0; q < k; q++) {
        const term =
          x[fromA + (transposeA ? q * m + i : i * k + q)]! * y[fromB + (transposeB ? j * k + q : q * n + j)]!;
        sum += term;
        magnitude += Math.abs(term);
      }
      worst = Math.max(worst, Math.abs(actual[p]! - sum) / magnitude);
    }
    return worst;
  });
}

/**
 * Ones, primes, multiples of every tile, one row or column more, deeper than a panel, rows in several blocks, large
 * enough to be packed.
 */
const products: readonly Product[] = [
  { m: 1, n: 1, k: 1 },
  { m: 1, n: 37, k: 5 },
  { m: 41, n: 1, k: 7 },
  { m: 13, n: 17, k: 19 },
  { m: 30, n: 48, k: 32 },
  { m: 31, n: 49, k: 33 },
  { m: 7, n: 11, k: 521 },
  { m: 479, n: 9, k: 31 },
  { m: 37, n: 11, k: 521 },
  { batchA: [3], batchB: [3], m: 31, n: 9, k: 277 },
  { batchA: [3], batchB: [3], m: 5, n: 6, k: 7 },
  { batchA: [2, 3], batchB: [2, 3], m: 11, n: 17, k: 3 },
  { batchA: [1], batchB: [4], m: 3, n: 18, k: 5 },
  { batchA: [4], batchB: [], m: 3, n: 18, k: 5 },
];

describe('matMul on the engine', () => {
  it.each(products)('is right for %o, all transposes', (product) => {
    // A sum of k terms rounds k times by half a unit, 6e-8, of what it has added up.
    for (const [transposeA, transposeB] of ways)
      expect(worstError(product, transposeA, transposeB)).toBeLessThan(product.k * 6e-8 + 1e-7);
  });

  it('gives zeros where nothing is summed, and nothing where there is no row or column', () => {
    const shapes = tf.tidy(() => [
      tf.matMul(tf.zeros([3, 0]), tf.zeros([0, 2])),
      tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 2])),
      tf.matMul(tf.zeros([2, 3]), tf.zeros([3, 0])),
    ]);
    expect(shapes.map(({ shape }) => shape)).toEqual([
      [3, 2],
      [0, 2],
      [2, 0],
    ]);
    expect(Array.from(shapes[0]!.dataSync())).toEqual([0, 0, 0, 0, 0, 0]);
    tf.dispose(shapes);
  });

  it('broadcasts batches along any axis, which the cpu backend cannot', () => {
    const { a } = operands({ batchA: [2, 1], m: 3, n: 2, k: 4 }, false, false);
    const { b } = operands({ batchB: [5], m: 3, n: 2, k: 4 }, false, false);
    const product = tf.matMul(a, b);
    expect(product.shape).toEqual([2, 5, 3, 2]);
    const tiled = tf.tidy(() =>
      tf.matMul(tf.tile(a, [1, 5, 1, 1]), tf.tile(tf.reshape(b, [1, 5, 4, 2]), [2, 1, 1, 1])),
    );
    expect(product.dataSync()).toEqual(tiled.dataSync());
    tf.dispose([a, b, product, tiled]);
  });

  it('keeps NaN and infinity in the rows and columns they belong to', () => {
    const { a, b } = operands({ m: 7, n: 9, k: 5 }, false, false);
    const values = a.dataSync();
    values[2 * 5 + 3] = Number.NaN;
    const spoiled = tf.tensor2d(values as Float32Array, [7, 5]);
    const rows = tf.matMul(spoiled, b as tf.Tensor2D).arraySync() as number[][];
    for (const [i, row] of rows.entries()) expect(row.every(Number.isNaN)).toBe(i === 2);
    tf.dispose([a, b, spoiled]);
  });

  it('adds a bias and applies an activation, in the kernel or by the cpu backend', () => {
    const { a, b } = operands({ m: 23, n: 19, k: 11 }, false, false);
    const bias = tf.tensor1d(normalArray(19, 1, 3));
    for (const activation of ['linear', 'relu', 'sigmoid', 'elu'] as const) {
      const fused = tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias, activation });
      const plain = tf.tidy(() => {
        const sum = tf.add(tf.matMul(a, b), bias);
        return activation === 'linear' ? sum : tf[activation](sum);
      });
      const difference = tf.tidy(() => tf.max(tf.abs(tf.sub(fused, plain))).dataSync()[0]!);
      expect(difference, activation).toBeLessThan(1e-6); // one rounding of numbers below ten
      tf.dispose([fused, plain]);
    }
    tf.dispose([a, b, bias]);
  });

  it('gives the same bits for 1, 2, 3 and 4 threads', async () => {
    const product = { m: 301, n: 67, k: 300 };
    const results: Float32Array[] = [];
    for (const threads of [1, 2, 3, 4]) {
      await activateBackend('engine', { threads });
      for (const [transposeA, transposeB] of ways) {
        const { a, b } = operands(product, transposeA, transposeB);
        results.push(tf.tidy(() => tf.matMul(a, b, transposeA, transposeB).dataSync<'float32'>()));
        tf.dispose([a, b]);
      }
    }
    for (const [i, bits] of results.entries()) expect(bits).toEqual(results[i % 4]);
  });
});
