// How a kernel of TF.js that the engine has of its own is compared with that of the cpu backend.

import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { deriveSeed, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose, type Tolerance } from '../all-close.ts';

export type Result = tf.Tensor | tf.Tensor[];

export interface Case {
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

export const ulps = (count: number): Tolerance => ({ rtol: count * unitInTheLastPlace, atol: smallestNormal });

export const sizeOf = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Normal numbers, the same on every backend. */
export function normal(shape: readonly number[], name = 'x'): tf.Tensor {
  return tf.tensor(normalArray(sizeOf(shape), 1, deriveSeed(name)), [...shape]);
}

/** The same with NaN, infinities and numbers of extreme size in between. */
export function mixed(shape: readonly number[], name = 'x'): tf.Tensor {
  const values = normalArray(sizeOf(shape), 3, deriveSeed(name));
  for (let i = 0; i < values.length; i += 3) values[i] = special[(i / 3) % special.length]!;
  return tf.tensor(values, [...shape]);
}

/** Numbers between 0.5 and 1.5: sums without cancellation. */
export const positive = (shape: readonly number[]) => tf.tidy(() => tf.add(tf.sigmoid(normal(shape)), 0.5));

export const integers = (shape: readonly number[]) =>
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
export function numbersOf(run: () => Result): Numbers[] {
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
export function compare(
  actual: readonly Numbers[],
  expected: readonly Numbers[],
  tolerance: Tolerance | undefined,
): void {
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

/** Runs on the cpu backend and comes back. */
async function onCpu<T>(run: () => T): Promise<T> {
  await tf.setBackend('cpu');
  try {
    return run();
  } finally {
    await tf.setBackend('engine');
  }
}

/** Compares cases, one test each; the engine is the backend of all later tests of the file. */
export function standardCases(title: string, cases: readonly Case[]): void {
  let reference: ReadonlyMap<string, Numbers[]>;

  beforeAll(async () => {
    await activateBackend('cpu');
    reference = new Map(cases.map((one) => [one.title, numbersOf(one.run)]));
    await activateBackend('engine', { threads: 2 });
  });

  afterAll(async () => {
    await activateBackend('engine', { threads: 1 });
  });

  describe(title, () => {
    it.each(cases.map((one) => [one.title, one] as const))('%s', (name, { run, tolerance }) => {
      compare(numbersOf(run), reference.get(name)!, tolerance);
    });

    it('have a name for each case', () => {
      expect(reference.size).toBe(cases.length);
    });
  });
}

/** Whether results have the same bits with 1, 2, 3 and 4 threads; they should be large enough for many chunks. */
export async function expectSameBitsOnThreads(run: () => tf.Tensor[]): Promise<void> {
  const found = [];
  for (const threads of [1, 2, 3, 4]) {
    await activateBackend('engine', { threads });
    found.push(numbersOf(run).map(({ values }) => createHash('sha256').update(values).digest('hex')));
  }
  for (const others of found.slice(1)) expect(others).toEqual(found[0]);
}

const lengthsOf = (rank: number) => fc.array(fc.integer({ min: 0, max: 5 }), { minLength: rank, maxLength: rank });

/** Shapes of one to four axes. */
export const anyShape = fc.integer({ min: 1, max: 4 }).chain(lengthsOf);
export const propertyOptions = { numRuns: 60, seed: 7 };

export async function expectSameAsCpu(run: () => Result): Promise<void> {
  compare(numbersOf(run), await onCpu(() => numbersOf(run)), undefined);
}
