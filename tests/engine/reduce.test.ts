// Sums, means, maxima and softmax, against those of the cpu backend.

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
  positive,
  propertyOptions,
  sizeOf,
  standardCases,
  ulps,
} from './standard-case.ts';

// Shape and axes; the last ones are left to the cpu kernel.
const reductions: readonly (readonly [number[], number | number[] | undefined])[] = [
  [[], undefined],
  [[1], 0],
  [[0], 0],
  [[0, 5], 0],
  [[0, 5], 1],
  [[5, 0], 1],
  [[7], undefined],
  [[13, 19], undefined],
  [[13, 19], 0],
  [[13, 19], 1],
  [[13, 19], -1],
  [[13, 1], 1],
  [
    [3, 5, 7],
    [1, 2],
  ],
  [
    [3, 5, 7],
    [0, 1],
  ],
  [[3, 5, 7], 1],
  [[3, 1, 5, 41], [2]],
  [
    [3, 5, 1, 7],
    [1, 3],
  ],
  [[2, 263, 37], 1],
  [[1009, 31], 0],
  [[1009, 32], 0],
  [[31, 1009], 1],
  [[20011], undefined],
  [[3, 5, 7], []],
  [
    [3, 5, 7],
    [0, 2],
  ],
];

const reductionCases = reductions.flatMap(([shape, axis]): Case[] => {
  const title = `of [${shape}] over ${axis === undefined ? 'all axes' : `axes [${axis}]`}`;
  const keepDims = shape.length % 2 === 0;
  // Partial sums of at most 128 terms in each of 32 places.
  const tolerance = { rtol: 1e-6, atol: 0 };
  const max: Case[] = sizeOf(shape) === 0 ? [] : [{ title: `max ${title}`, run: () => tf.max(normal(shape), axis) }];
  return [
    ...max,
    { title: `sum ${title}`, run: () => tf.sum(positive(shape), axis, keepDims), tolerance },
    { title: `mean ${title}`, run: () => tf.mean(positive(shape), axis, keepDims), tolerance },
    { title: `sum of what is not finite ${title}`, run: () => tf.sum(mixed(shape), axis), tolerance: ulps(8) },
  ];
});

const finiteSoftmax = [[0, 3], [1], [7], [13, 1], [13, 19], [3, 5, 8], [101, 263]].map(
  (shape): Case => ({
    title: `softmax of [${shape}]`,
    run: () => tf.softmax(tf.mul(normal(shape), 10)),
    // Two roundings in e^x, one in the sum of up to 263 terms in 8 places, one in the quotient.
    tolerance: ulps(16),
  }),
);

const softmaxCases: readonly Case[] = [
  ...finiteSoftmax,
  { title: 'softmax of what is not finite', run: () => tf.softmax(mixed([101, 13])), tolerance: ulps(16) },
];

standardCases('reductions', [...reductionCases, ...softmaxCases]);

it('an axis that is not there is refused', () => {
  tf.tidy(() => {
    expect(() => tf.sum(normal([3, 5]), 2)).toThrow();
  });
});

it('results with 1, 2, 3 and 4 threads are the same bits', async () => {
  const [N, D] = [613, 257];
  await expectSameBitsOnThreads(() => {
    const x = normal([N, D]);
    return [
      ...[undefined, 0, 1].flatMap((axis) => [tf.sum(x, axis), tf.mean(x, axis), tf.max(x, axis)]),
      tf.sum(tf.reshape(x, [N, D, 1]), 1),
      tf.softmax(x),
    ];
  });
});

describe('properties', () => {
  it('sums of integers, which are exact in float32, over any axes', async () => {
    const choices = anyShape.chain((shape) =>
      fc.record({ shape: fc.constant(shape), axes: fc.subarray([...shape.keys()]) }),
    );
    await fc.assert(
      fc.asyncProperty(choices, async ({ shape, axes }) => {
        await expectSameAsCpu(() => tf.sum(tf.cast(integers(shape), 'float32'), axes));
      }),
      propertyOptions,
    );
  });
});
