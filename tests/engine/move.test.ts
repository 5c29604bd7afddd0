// Kernels that move data, against those of the cpu backend.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tf } from '../../src/tensor/tf.ts';
import {
  anyShape,
  type Case,
  expectSameAsCpu,
  expectSameBitsOnThreads,
  integers,
  mixed,
  normal,
  propertyOptions,
  standardCases,
} from './standard-case.ts';

const movements: readonly Case[] = [
  { title: 'slice of rows', run: () => tf.slice(mixed([13, 19]), [3, 0], [5, 19]) },
  { title: 'slice of columns', run: () => tf.slice(mixed([13, 19]), [0, 2], [13, 11]) },
  { title: 'slice of one column', run: () => tf.slice(mixed([13, 19]), [0, 2], [13, 1]) },
  { title: 'slice of a part of every axis', run: () => tf.slice(mixed([5, 7, 11, 13]), [1, 2, 3, 4], [3, 4, 5, 6]) },
  { title: 'slice of five axes', run: () => tf.slice(mixed([3, 3, 3, 3, 3]), [1, 1, 1, 1, 1], [2, 2, 2, 2, 2]) },
  { title: 'slice of all', run: () => tf.slice(mixed([13, 19]), [0, 0], [13, 19]) },
  { title: 'slice of nothing', run: () => tf.slice(mixed([13, 19]), [4, 4], [0, 3]) },
  { title: 'slice by a number', run: () => tf.slice(mixed([13, 19]), 4) },
  { title: 'slice of integers', run: () => tf.slice(integers([101, 263]), [1, 1], [97, 251]) },
  { title: 'slice of truths', run: () => tf.slice(tf.greater(mixed([13, 19]), 0), [1, 1], [7, 5]) },
  { title: 'split into equal parts', run: () => tf.split(mixed([13, 20]), 4, 1) },
  { title: 'split into given parts', run: () => tf.split(mixed([20, 263, 3]), [1, 200, 0, 62], 1) },
  { title: 'split of the first axis', run: () => tf.split(integers([20, 3]), [7, -1], 0) },
  { title: 'split into one part', run: () => tf.split(mixed([13, 19]), 1, 1) },
  { title: 'unstack of the first axis', run: () => tf.unstack(mixed([5, 7, 3]), 0) },
  { title: 'unstack of the last axis', run: () => tf.unstack(mixed([5, 7, 3]), -1) },
  { title: 'unstack of one', run: () => tf.unstack(mixed([5, 1, 3]), 1) },
  { title: 'concat of rows', run: () => tf.concat([mixed([3, 7]), mixed([0, 7]), mixed([101, 7])], 0) },
  { title: 'concat of columns', run: () => tf.concat([mixed([211, 31]), mixed([211, 1]), mixed([211, 67])], 1) },
  { title: 'concat of a middle axis', run: () => tf.concat([mixed([3, 5, 7]), mixed([3, 2, 7])], -2) },
  { title: 'concat with empty ones', run: () => tf.concat([mixed([0, 7]), mixed([3, 7]), mixed([0, 7])], 0) },
  { title: 'concat of empty ones', run: () => tf.concat([mixed([0, 7]), mixed([0, 7])], 0) },
  { title: 'concat of integers', run: () => tf.concat([integers([3, 5]), integers([3, 2])], 1) },
  { title: 'stack in front', run: () => tf.stack([mixed([3, 5]), normal([3, 5])], 0) },
  { title: 'stack behind', run: () => tf.stack([mixed([3, 5]), normal([3, 5]), mixed([3, 5])], 2) },
  { title: 'stack of one', run: () => tf.stack([mixed([3, 5])], 1) },
  {
    title: 'pad',
    run: () =>
      tf.pad(
        mixed([13, 19]),
        [
          [2, 0],
          [1, 3],
        ],
        7,
      ),
  },
  {
    title: 'pad of integers',
    run: () =>
      tf.pad(
        integers([101, 97]),
        [
          [0, 0],
          [5, 0],
        ],
        -3,
      ),
  },
  {
    title: 'pad with nothing',
    run: () =>
      tf.pad(mixed([13, 19]), [
        [0, 0],
        [0, 0],
      ]),
  },
  { title: 'pad of nothing', run: () => tf.pad(mixed([0]), [[2, 3]], 1.5) },
  { title: 'tile of rows', run: () => tf.tile(mixed([13, 19]), [3, 1]) },
  { title: 'tile of columns', run: () => tf.tile(mixed([13, 19]), [1, 5]) },
  { title: 'tile of both', run: () => tf.tile(mixed([13, 19]), [2, 3]) },
  { title: 'tile of an axis of one', run: () => tf.tile(mixed([101, 3, 1]), [1, 1, 97]) },
  { title: 'tile of three axes', run: () => tf.tile(mixed([2, 3, 5]), [2, 2, 2]) },
  { title: 'tile by nothing', run: () => tf.tile(mixed([13, 19]), [1, 1]) },
  { title: 'tile away', run: () => tf.tile(mixed([13, 19]), [0, 2]) },
  { title: 'transpose of a matrix', run: () => tf.transpose(mixed([13, 19])) },
  { title: 'transpose of a large matrix', run: () => tf.transpose(mixed([263, 101])) },
  { title: 'transpose of a wide one', run: () => tf.transpose(mixed([5, 4099])) },
  { title: 'transpose of a vector', run: () => tf.transpose(mixed([1, 19])) },
  { title: 'transpose of rows', run: () => tf.transpose(mixed([3, 67, 5, 37]), [0, 2, 1, 3]) },
  { title: 'transpose of an empty one', run: () => tf.transpose(mixed([3, 0, 5]), [2, 0, 1]) },
  { title: 'transpose to the same', run: () => tf.transpose(mixed([3, 5]), [0, 1]) },
  { title: 'transpose of five axes', run: () => tf.transpose(mixed([2, 3, 2, 3, 2]), [4, 1, 2, 0, 3]) },
  ...[
    [0, 1, 3, 2],
    [3, 2, 1, 0],
    [2, 0, 3, 1],
    [1, 3, 0, 2],
    [3, 0, 1, 2],
    [1, 2, 3, 0],
  ].map((perm): Case => ({ title: `transpose to ${perm}`, run: () => tf.transpose(integers([5, 7, 11, 17]), perm) })),
  { title: 'oneHot', run: () => tf.oneHot(tf.tensor1d([0, 3, -1, 5, 4], 'int32'), 5, 2, 0.5, 'float32') },
  { title: 'oneHot of integers', run: () => tf.oneHot(tf.tensor2d([0, 3, 1, 2], [2, 2], 'int32'), 4) },
  { title: 'zerosLike', run: () => tf.zerosLike(mixed([101, 263])) },
  { title: 'zerosLike of integers', run: () => tf.zerosLike(integers([7])) },
  { title: 'zerosLike of truths', run: () => tf.zerosLike(tf.greater(mixed([7]), 0)) },
  { title: 'onesLike', run: () => tf.onesLike(mixed([13, 19])) },
  { title: 'onesLike of integers', run: () => tf.onesLike(integers([13, 19])) },
  { title: 'fill', run: () => tf.fill([101, 263], -0.1) },
  { title: 'fill of integers', run: () => tf.fill([7], -5, 'int32') },
  { title: 'fill with NaN', run: () => tf.fill([3], Number.NaN) },
  { title: 'fill of nothing', run: () => tf.fill([0, 3], 1) },
  { title: 'a view that outlives its source', run: () => tf.mul(tf.reshape(tf.transpose(mixed([1, 19])), [19]), 2) },
];

standardCases('movements', movements);

it('what the cpu kernels refuse is refused', () => {
  tf.tidy(() => {
    const [x, y] = [normal([3, 5]), normal([4, 5])];
    expect(() => tf.slice(x, [0, 3], [3, 3])).toThrow();
    expect(() => tf.split(x, [2, 2], 1)).toThrow();
    expect(() => tf.concat([x, y], 1)).toThrow();
  });
});

it('a tensor that comes out as it went in is not copied', () => {
  const x = normal([13, 19]);
  const same = [
    tf.transpose(x, [0, 1]),
    tf.slice(x, [0, 0], [13, 19]),
    tf.pad(x, [
      [0, 0],
      [0, 0],
    ]),
    tf.tile(x, [1, 1]),
    tf.reshape(x, [19, 13]),
    tf.split(x, 1)[0]!,
    tf.sum(tf.reshape(x, [13, 1, 19]), 1),
  ];
  const values = x.dataSync();
  expect(same.map(({ dataId }) => dataId === x.dataId)).toEqual(same.map(() => true));
  x.dispose();
  expect(same.at(-1)!.dataSync()).toEqual(values);
  tf.dispose(same);
});

it('results with 1, 2, 3 and 4 threads are the same bits', async () => {
  await expectSameBitsOnThreads(() => {
    const [x, y] = [normal([613, 257]), normal([613, 257], 'y')];
    return [
      tf.transpose(x),
      tf.concat([x, y], 1),
      ...tf.split(x, [100, 157], 1),
      tf.slice(x, [1, 1], [600, 200]),
      tf.tile(x, [2, 3]),
      tf.pad(x, [
        [1, 2],
        [3, 4],
      ]),
      tf.onesLike(x),
    ];
  });
});

describe('properties', () => {
  it('any slice, padding and order of axes', async () => {
    const choices = anyShape.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        cuts: fc.array(fc.tuple(fc.nat(3), fc.nat(3)), { minLength: shape.length, maxLength: shape.length }),
        perm: fc.shuffledSubarray([...shape.keys()], { minLength: shape.length }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(choices, async ({ shape, cuts, perm }) => {
        const begin = shape.map((length, axis) => Math.min(length, cuts[axis]![0]));
        const size = shape.map((length, axis) => Math.min(length - begin[axis]!, cuts[axis]![1]));
        await expectSameAsCpu(() => {
          const x = mixed(shape);
          return [tf.slice(x, begin, size), tf.pad(x, cuts, 2), tf.transpose(x, perm)];
        });
      }),
      propertyOptions,
    );
  });

  it('any repetition, and any parts of any axis, split and joined again', async () => {
    const choices = anyShape.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.nat(shape.length - 1),
        at: fc.nat(5),
        reps: fc.array(fc.nat(3), { minLength: shape.length, maxLength: shape.length }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(choices, async ({ shape, axis, at, reps }) => {
        const first = Math.min(at, shape[axis]!);
        await expectSameAsCpu(() => {
          const x = mixed(shape);
          const parts = tf.split(x, [first, shape[axis]! - first], axis);
          return [...parts, tf.concat([parts[1]!, x, parts[0]!], axis), tf.tile(x, reps), tf.stack([x, x], axis)];
        });
      }),
      propertyOptions,
    );
  });
});
