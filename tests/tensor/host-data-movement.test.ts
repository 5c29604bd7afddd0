// Slice, split, unstack and gather on wasm, by our kernels, against those of the cpu backend.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { tf } from '../../src/tensor/tf.ts';
import { wasmDataIds, wasmHeapBytes } from './wasm-heap.ts';

interface Plain {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: readonly number[];
}

type DType = 'float32' | 'int32' | 'bool';

/** Runs `f` on 0, 1, 2, ... (every third true) in `shape` on the current backend; leaves nothing behind. */
function run(shape: readonly number[], dtype: DType, f: (x: tf.Tensor) => tf.Tensor | tf.Tensor[]): Plain[] {
  const plain: Plain[] = [];
  tf.tidy(() => {
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, i) => (dtype === 'bool' ? Number(i % 3 === 0) : i));
    const x = tf.tensor(values, [...shape], dtype);
    for (const y of [f(x)].flat()) plain.push({ shape: y.shape, dtype: y.dtype, values: Array.from(y.dataSync()) });
  });
  return plain;
}

/** The same on both backends; equal bits, since nothing is computed. */
async function compare(shape: readonly number[], dtype: DType, f: (x: tf.Tensor) => tf.Tensor | tf.Tensor[]) {
  await activateBackend('cpu');
  const expected = run(shape, dtype, f);
  await activateBackend('wasm');
  const before = wasmDataIds();
  expect(run(shape, dtype, f)).toEqual(expected);
  expect(wasmDataIds()).toBe(before);
}

const shapes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
const dtypes = fc.constantFrom<DType[]>('float32', 'int32', 'bool');
const settings = { numRuns: 60, seed: 1 };

/** A shape and one of its axes, counted from either end. */
const withAxis = shapes.chain((shape) =>
  fc.integer({ min: -shape.length, max: shape.length - 1 }).map((axis) => ({ shape, axis, length: shape.at(axis)! })),
);

describe('slice on wasm', () => {
  const ranges = shapes.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      parts: fc.tuple(
        ...shape.map((length) =>
          fc
            .integer({ min: 0, max: length - 1 })
            .chain((begin) =>
              fc.oneof(fc.constant(-1), fc.integer({ min: 0, max: length - begin })).map((size) => ({ begin, size })),
            ),
        ),
      ),
    }),
  );

  it('property: equals cpu for any rank, range, size -1 and type', async () => {
    await fc.assert(
      fc.asyncProperty(ranges, dtypes, ({ shape, parts }, dtype) =>
        compare(shape, dtype, (x) =>
          tf.slice(
            x,
            parts.map(({ begin }) => begin),
            parts.map(({ size }) => size),
          ),
        ),
      ),
      settings,
    );
  });

  it('takes a number or a short list for the first axes, and no size for the rest', async () => {
    await compare([5, 3, 2], 'float32', (x) => tf.slice(x, 2));
    await compare([5, 3, 2], 'float32', (x) => tf.slice(x, 2, 2));
    await compare([5, 3, 2], 'int32', (x) => tf.slice(x, [1, 2]));
    await compare([5, 3, 2], 'int32', (x) => tf.slice(x, [1, 1], [3]));
  });

  it('refuses ranges outside of the tensor', async () => {
    await activateBackend('wasm');
    const x = tf.zeros([5, 3]);
    const ids = wasmDataIds();
    expect(() => tf.slice(x, [4, 0], [2, 3])).toThrow('slice: 2 elements from 4 are not in axis 0 of shape [5,3]');
    expect(() => tf.slice(x, [0, -2], [5, 1])).toThrow('axis 1');
    expect(wasmDataIds()).toBe(ids);
    x.dispose();
  });

  it('leaves strings to the kernel of the backend', async () => {
    await activateBackend('wasm');
    const words = tf.tidy(() => Array.from(tf.slice(tf.tensor1d(['a', 'b', 'c']), [1], [2]).dataSync()));
    expect(words).toEqual(['b', 'c']);
  });
});

describe('split on wasm', () => {
  const splits = withAxis.chain(({ shape, axis, length }) =>
    fc
      .array(fc.integer({ min: 0, max: length }), { maxLength: 3 })
      .map((cuts) => [0, ...cuts.sort((a, b) => a - b), length])
      .map((ends) => ({ shape, axis, sizes: ends.slice(1).map((end, i) => end - ends[i]!) })),
  );

  it('property: equals cpu for any sizes, 0 included, along any axis', async () => {
    await fc.assert(
      fc.asyncProperty(splits, dtypes, ({ shape, axis, sizes }, dtype) =>
        compare(shape, dtype, (x) => tf.split(x, sizes, axis)),
      ),
      settings,
    );
  });

  it('cuts into equal parts for a number', async () => {
    await compare([3, 6], 'float32', (x) => tf.split(x, 3, 1));
    await compare([6, 2], 'int32', (x) => tf.split(x, 2, -2));
  });

  it('takes -1 for what the other sizes leave, first place included, where TF.js counts it as a size', async () => {
    await compare([3, 7], 'float32', (x) => tf.split(x, [2, -1, 1], 1));
    const parts = tf.tidy(() => tf.split(tf.tensor1d([1, 2, 3, 4, 5]), [-1, 2]).map((part) => part.arraySync()));
    expect(parts).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
  });

  it('refuses sizes that do not make up the axis', async () => {
    await activateBackend('wasm');
    const x = tf.zeros([5]);
    expect(() => tf.split(x, [2, 2])).toThrow('split: parts of 2, 2 do not make up an axis of 5');
    expect(() => tf.split(x, 2)).toThrow('do not make up an axis of 5');
    x.dispose();
  });
});

describe('unstack on wasm', () => {
  it('property: equals cpu along any axis', async () => {
    await fc.assert(
      fc.asyncProperty(withAxis, dtypes, ({ shape, axis }, dtype) => compare(shape, dtype, (x) => tf.unstack(x, axis))),
      settings,
    );
  });
});

describe('gather on wasm', () => {
  const gathers = withAxis.chain(({ shape, axis, length }) =>
    fc.record({
      shape: fc.constant(shape),
      axis: fc.constant(axis),
      indices: fc.array(fc.integer({ min: 0, max: length - 1 }), { minLength: 1, maxLength: 11 }),
    }),
  );

  it('property: equals cpu for any indices along any axis', async () => {
    await fc.assert(
      fc.asyncProperty(gathers, dtypes, ({ shape, axis, indices }, dtype) =>
        compare(shape, dtype, (x) => tf.gather(x, tf.tensor1d(indices, 'int32'), axis)),
      ),
      settings,
    );
  });

  it('takes indices of rank 2, none at all, and batches', async () => {
    const square = () => tf.tensor2d([4, 0, 1, 1], [2, 2], 'int32');
    await compare([5, 3], 'float32', (x) => tf.gather(x, square()));
    await compare([2, 5, 3], 'int32', (x) => tf.gather(x, square(), 1));
    await compare([5, 3], 'float32', (x) => tf.gather(x, tf.tensor1d([], 'int32')));
    await compare([2, 5], 'float32', (x) => tf.gather(x, square(), 1, 1));
  });

  it('names a wrong index, and allocates nothing for it', async () => {
    await activateBackend('wasm');
    for (const wrong of [-1, 5]) {
      const [x, indices] = [tf.zeros([5, 3]), tf.tensor1d([0, wrong], 'int32')];
      const ids = wasmDataIds();
      expect(() => tf.gather(x, indices)).toThrow(`gather: index ${wrong} is outside 0 .. 4`);
      expect(wasmDataIds()).toBe(ids);
      tf.dispose([x, indices]);
    }
  });
});

describe('data movement on wasm', () => {
  it('leak: hundreds of megabytes pass through a heap that does not grow', async () => {
    await activateBackend('wasm');
    const [x, indices] = [tf.ones([256, 1024]), tf.range(0, 256, 1, 'int32')];
    const once = () =>
      tf.tidy(() => {
        tf.slice(x, [1, 3], [200, 1000]);
        tf.split(x, [100, 156]);
        tf.unstack(x);
        tf.gather(x, indices);
      });
    for (let i = 0; i < 5; i++) once();
    const heap = wasmHeapBytes();
    for (let i = 0; i < 60; i++) once(); // 4 MB each
    expect(wasmHeapBytes()).toBe(heap);
    tf.dispose([x, indices]);
  });
});
