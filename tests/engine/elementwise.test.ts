// Element-wise kernels, against those of the cpu backend.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tf } from '../../src/tensor/tf.ts';
import {
  anyShape,
  type Case,
  compare,
  expectSameAsCpu,
  expectSameBitsOnThreads,
  integers,
  mixed,
  normal,
  numbersOf,
  propertyOptions,
  standardCases,
  ulps,
} from './standard-case.ts';

// Two operands: equal shapes, numbers, trailing axes, trailing ones, and others; the last pairs are left to the cpu
// kernel.
const pairs: readonly (readonly [number[], number[]])[] = [
  [[], []],
  [[1], [1]],
  [[0], [0]],
  [[7], [7]],
  [[0, 3], [3]],
  [
    [3, 0, 5],
    [1, 0, 1],
  ],
  [[31, 37], []],
  [[], [31, 37]],
  [[1, 1], [31]],
  [
    [13, 19],
    [13, 19],
  ],
  [[13, 19], [19]],
  [[19], [13, 19]],
  [
    [13, 19],
    [1, 19],
  ],
  [
    [13, 19],
    [13, 1],
  ],
  [
    [13, 1],
    [1, 19],
  ],
  [
    [3, 5, 7],
    [5, 7],
  ],
  [
    [3, 5, 7],
    [3, 1, 7],
  ],
  [
    [3, 5, 7],
    [5, 1],
  ],
  [
    [2, 3, 5, 7],
    [1, 3, 1, 7],
  ],
  [
    [2, 3, 5, 7],
    [2, 1, 5, 1],
  ],
  [
    [2, 1, 5, 1],
    [1, 3, 1, 7],
  ],
  [
    [101, 263],
    [101, 263],
  ],
  [[101, 263], [263]],
  [
    [101, 263],
    [101, 1],
  ],
  [
    [2, 1, 3, 1, 5],
    [1, 2, 1, 3, 1],
  ],
  [
    [2, 1, 3, 1, 2, 1],
    [1, 2, 1, 3, 1, 2],
  ],
];

const binaries: Readonly<Record<string, (a: tf.Tensor, b: tf.Tensor) => tf.Tensor>> = {
  add: tf.add,
  sub: tf.sub,
  mul: tf.mul,
  div: tf.div,
  maximum: tf.maximum,
  minimum: tf.minimum,
  squaredDifference: tf.squaredDifference,
};

const binaryCases = Object.entries(binaries).flatMap(([name, op]) =>
  pairs.map(
    ([a, b]): Case => ({
      title: `${name} of [${a}] and [${b}]`,
      run: () => op(mixed(a, 'a'), mixed(b, 'b')),
      // The cpu kernel squares before it rounds.
      ...(name === 'squaredDifference' && { tolerance: ulps(2) }),
    }),
  ),
);

/** With how many units in the last place the cpu kernel, which computes in float64, may be missed; 0: not at all. */
const unaries: Readonly<Record<string, readonly [(x: tf.Tensor) => tf.Tensor, number]>> = {
  neg: [tf.neg, 0],
  square: [tf.square, 0],
  sqrt: [tf.sqrt, 0],
  rsqrt: [tf.rsqrt, 2],
  exp: [tf.exp, 2],
  sigmoid: [tf.sigmoid, 3],
  reciprocal: [tf.reciprocal, 0],
  abs: [tf.abs, 0],
  relu: [tf.relu, 0],
  step: [(x) => tf.step(x, 0.25), 0],
  log: [tf.log, 2],
  // The cpu kernel leaves out terms of up to 4 units.
  softplus: [tf.softplus, 8],
};

const lengths = [[], [0], [1], [2], [7], [8], [97], [2, 3, 5], [101, 263]];

const unaryCases = Object.entries(unaries).flatMap(([name, [op, units]]) =>
  lengths.map(
    (shape): Case => ({
      title: `${name} of [${shape}]`,
      run: () => op(mixed(shape)),
      ...(units > 0 && { tolerance: ulps(units) }),
    }),
  ),
);

const types = ['float32', 'int32', 'bool'] as const;
const typeCases = types.flatMap((from) =>
  types.map(
    (to): Case => ({
      title: `cast of ${from} to ${to}`,
      // Used afterwards: what a cast says of its type must be true of its memory.
      run: () => tf.cast(tf.add(tf.cast(tf.cast(tf.mul(mixed([103]), 5), from), to), tf.ones([103], to)), 'float32'),
    }),
  ),
);

const sums: readonly Case[] = [
  { title: 'addN', run: () => tf.addN([mixed([13, 19], 'a'), mixed([13, 19], 'b'), mixed([13, 19], 'c')]) },
  { title: 'addN of one', run: () => tf.addN([normal([13, 19])]) },
  { title: 'addN of integers', run: () => tf.addN([integers([7]), integers([7])]) },
  { title: 'addition of integers', run: () => tf.add(integers([13, 19]), integers([19])) },
];

standardCases('element-wise kernels', [...binaryCases, ...unaryCases, ...typeCases, ...sums]);

it('shapes that do not broadcast are refused', () => {
  tf.tidy(() => {
    expect(() => tf.add(normal([3, 5]), normal([4, 5]))).toThrow();
  });
});

it('results with 1, 2, 3 and 4 threads are the same bits', async () => {
  const [N, D] = [613, 257];
  await expectSameBitsOnThreads(() => {
    const [x, y] = [normal([N, D]), normal([N, D], 'y')];
    return [
      ...Object.values(binaries).map((op) => op(x, y)),
      tf.mul(x, tf.slice(y, [0, 0], [N, 1])),
      tf.add(x, tf.slice(y, [0, 0], [1, D])),
      ...Object.values(unaries).map(([op]) => op(x)),
    ];
  });
});

describe('properties', () => {
  it('any two shapes that broadcast', async () => {
    const choices = anyShape.chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        ones: fc.array(fc.constantFrom('a', 'b', 'neither'), { minLength: shape.length, maxLength: shape.length }),
        cut: fc.integer({ min: 0, max: shape.length }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(choices, async ({ shape, ones, cut }) => {
        const a = shape.map((length, axis) => (ones[axis] === 'a' ? 1 : length));
        const b = shape.map((length, axis) => (ones[axis] === 'b' ? 1 : length)).slice(cut);
        await expectSameAsCpu(() => [tf.sub(mixed(a), mixed(b, 'b')), tf.sub(mixed(b, 'b'), mixed(a))]);
      }),
      propertyOptions,
    );
  });

  it('logarithms and exponentials of any number within 2 units in the last place', () => {
    const numbers = fc.float32Array({ minLength: 1, maxLength: 300, noNaN: true });
    fc.assert(
      fc.property(numbers, (values) => {
        const check = (op: (x: tf.Tensor) => tf.Tensor, exact: (x: number) => number) => {
          const found = numbersOf(() => op(tf.tensor1d(values)))[0]!;
          const wanted = { ...found, values: Float64Array.from(Float32Array.from(values, exact)) };
          compare([found], [wanted], ulps(2));
        };
        check(tf.log, Math.log);
        check(tf.exp, Math.exp);
        check(tf.sqrt, Math.sqrt);
      }),
      propertyOptions,
    );
  });
});
