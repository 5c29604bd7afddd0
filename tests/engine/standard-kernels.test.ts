// The kernels of TF.js that the engine has of its own, against those of the cpu backend.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { deriveSeed, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose, type Tolerance } from '../all-close.ts';

type Result = tf.Tensor | tf.Tensor[];

interface Case {
  readonly title: string;
  /** Makes its inputs too; runs inside a tidy. */
  readonly run: () => Result;
  /** Left out where the arithmetic is the same. */
  readonly tolerance?: Tolerance;
}

const unitInTheLastPlace = 2 ** -23;
/** The engine gives 0 for results too small to have an exponent of their own. */
const smallestNormal = 2 ** -126;
const special = [Number.NaN, Infinity, -Infinity, 0, 1, -1, 1e30, -1e30, 1e-30];

const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Normal numbers, the same on every backend. */
function normal(shape: readonly number[], name = 'x'): tf.Tensor {
  return tf.tensor(normalArray(sizeOf(shape), 1, deriveSeed(name)), [...shape]);
}

/** The same with NaN, infinities and numbers of extreme size in between. */
function mixed(shape: readonly number[], name = 'x'): tf.Tensor {
  const values = normalArray(sizeOf(shape), 3, deriveSeed(name));
  for (let i = 0; i < values.length; i += 3) values[i] = special[(i / 3) % special.length]!;
  return tf.tensor(values, [...shape]);
}

/** Numbers between 0.5 and 1.5: sums without cancellation. */
const positive = (shape: readonly number[]) => tf.tidy(() => tf.add(tf.sigmoid(normal(shape)), 0.5));

const integers = (shape: readonly number[]) =>
  tf.tensor(
    Int32Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7919) % 1009),
    [...shape],
    'int32',
  );

interface Numbers {
  readonly shape: readonly number[];
  readonly dtype: tf.DataType;
  readonly values: Float64Array;
}

/** What a case gives on the current backend; checks that nothing else is left. */
function numbersOf(run: () => Result): Numbers[] {
  const before = tf.memory().numTensors;
  const results = tf.tidy(() => [run()].flat());
  const numbers = results.map((result) => {
    // The cpu backend does not mind a float32 tensor in another kind of array.
    return { shape: result.shape, dtype: result.dtype, values: Float64Array.from(result.dataSync()) };
  });
  tf.dispose(results);
  expect(tf.memory().numTensors).toBe(before);
  return numbers;
}

/** Numbers that are not finite have to be the same. */
function compare(actual: readonly Numbers[], expected: readonly Numbers[], tolerance: Tolerance | undefined): void {
  expect(actual.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    expected.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  for (const [i, { values }] of expected.entries()) {
    const found = actual[i]!.values;
    if (tolerance === undefined) {
      expect(found).toEqual(values);
      continue;
    }
    const finite = Array.from(values, Number.isFinite);
    const only = (all: ArrayLike<number>, wanted: boolean) => Array.from(all).filter((_, k) => finite[k] === wanted);
    expect(only(found, false)).toEqual(only(values, false));
    expectAllClose(only(found, true), only(values, true), tolerance);
  }
}

// Two operands: equal shapes, numbers, trailing axes, trailing ones, and others; the last pairs are left to the cpu kernel.
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
      ...(name === 'squaredDifference' && { tolerance: { rtol: 2 * unitInTheLastPlace, atol: smallestNormal } }),
    }),
  ),
);

const ulps = (count: number): Tolerance => ({ rtol: count * unitInTheLastPlace, atol: smallestNormal });

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

const softmaxCases = [[0, 3], [1], [7], [13, 1], [13, 19], [3, 5, 8], [101, 263]].map(
  (shape): Case => ({
    title: `softmax of [${shape}]`,
    run: () => tf.softmax(tf.mul(normal(shape), 10)),
    // Two roundings in e^x, one in the sum of up to 263 terms in 8 places, one in the quotient.
    tolerance: ulps(16),
  }),
);

const movements: readonly Case[] = [
  { title: 'softmax of what is not finite', run: () => tf.softmax(mixed([101, 13])), tolerance: ulps(16) },
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
  { title: 'addN', run: () => tf.addN([mixed([13, 19], 'a'), mixed([13, 19], 'b'), mixed([13, 19], 'c')]) },
  { title: 'addN of one', run: () => tf.addN([normal([13, 19])]) },
  { title: 'addN of integers', run: () => tf.addN([integers([7]), integers([7])]) },
  { title: 'addition of integers', run: () => tf.add(integers([13, 19]), integers([19])) },
  { title: 'a view that outlives its source', run: () => tf.mul(tf.reshape(tf.transpose(mixed([1, 19])), [19]), 2) },
];

const cases: readonly Case[] = [
  ...binaryCases,
  ...unaryCases,
  ...typeCases,
  ...reductionCases,
  ...softmaxCases,
  ...movements,
];

/** Runs on the cpu backend and comes back. */
async function onCpu<T>(run: () => T): Promise<T> {
  await tf.setBackend('cpu');
  try {
    return run();
  } finally {
    await tf.setBackend('engine');
  }
}

let reference: ReadonlyMap<string, Numbers[]>;

beforeAll(async () => {
  await activateBackend('cpu');
  reference = new Map(cases.map(({ title, run }) => [title, numbersOf(run)]));
  await activateBackend('engine', { threads: 2 });
});

afterAll(async () => {
  await activateBackend('engine', { threads: 1 });
});

describe('the standard kernels of the engine', () => {
  it.each(cases.map((one) => [one.title, one] as const))('%s', (title, { run, tolerance }) => {
    compare(numbersOf(run), reference.get(title)!, tolerance);
  });

  it('have a name for each case', () => {
    expect(reference.size).toBe(cases.length);
  });

  it('refuse what the cpu kernels refuse', () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const [x, y] = [normal([3, 5]), normal([4, 5])];
      expect(() => tf.add(x, y)).toThrow();
      expect(() => tf.slice(x, [0, 3], [3, 3])).toThrow();
      expect(() => tf.split(x, [2, 2], 1)).toThrow();
      expect(() => tf.concat([x, y], 1)).toThrow();
      expect(() => tf.sum(x, 2)).toThrow();
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('do not copy a tensor that comes out as it went in', () => {
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
});

describe('results with 1, 2, 3 and 4 threads', () => {
  it('are the same bits', async () => {
    const [N, D] = [613, 257];
    const all = (): tf.Tensor[] => {
      const [x, y] = [normal([N, D]), normal([N, D], 'y')];
      return [
        ...Object.values(binaries).map((op) => op(x, y)),
        tf.mul(x, tf.slice(y, [0, 0], [N, 1])),
        tf.add(x, tf.slice(y, [0, 0], [1, D])),
        ...Object.values(unaries).map(([op]) => op(x)),
        ...[undefined, 0, 1].flatMap((axis) => [tf.sum(x, axis), tf.mean(x, axis), tf.max(x, axis)]),
        tf.sum(tf.reshape(x, [N, D, 1]), 1),
        tf.softmax(x),
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
    };
    const found = [];
    for (const threads of [1, 2, 3, 4]) {
      await activateBackend('engine', { threads });
      found.push(numbersOf(all).map(({ values }) => createHash('sha256').update(values).digest('hex')));
    }
    for (const others of found.slice(1)) expect(others).toEqual(found[0]);
  });
});

describe('properties of the standard kernels', () => {
  const lengthsOf = (rank: number) => fc.array(fc.integer({ min: 0, max: 5 }), { minLength: rank, maxLength: rank });
  const shapes = fc.integer({ min: 1, max: 4 }).chain(lengthsOf);
  const options = { numRuns: 60, seed: 7 };

  const sameAsCpu = async (run: () => Result) => compare(numbersOf(run), await onCpu(() => numbersOf(run)), undefined);

  it('any two shapes that broadcast', async () => {
    const choices = shapes.chain((shape) =>
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
        await sameAsCpu(() => [tf.sub(mixed(a), mixed(b, 'b')), tf.sub(mixed(b, 'b'), mixed(a))]);
      }),
      options,
    );
  });

  it('any slice, padding and order of axes', async () => {
    const choices = shapes.chain((shape) =>
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
        await sameAsCpu(() => {
          const x = mixed(shape);
          return [tf.slice(x, begin, size), tf.pad(x, cuts, 2), tf.transpose(x, perm)];
        });
      }),
      options,
    );
  });

  it('any repetition, and any parts of any axis, split and joined again', async () => {
    const choices = shapes.chain((shape) =>
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
        await sameAsCpu(() => {
          const x = mixed(shape);
          const parts = tf.split(x, [first, shape[axis]! - first], axis);
          return [...parts, tf.concat([parts[1]!, x, parts[0]!], axis), tf.tile(x, reps), tf.stack([x, x], axis)];
        });
      }),
      options,
    );
  });

  it('sums of integers, which are exact in float32, over any axes', async () => {
    const choices = shapes.chain((shape) =>
      fc.record({ shape: fc.constant(shape), axes: fc.subarray([...shape.keys()]) }),
    );
    await fc.assert(
      fc.asyncProperty(choices, async ({ shape, axes }) => {
        await sameAsCpu(() => tf.sum(tf.cast(integers(shape), 'float32'), axes));
      }),
      options,
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
      options,
    );
  });
});
