// What the engine records of a computation, and when it refuses to repeat it.

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';

beforeAll(async () => {
  await startEngine({ threads: 2, variant: null, memoryLimit: null });
  await tf.setBackend('engine');
});

const used = () => (tf.memory() as unknown as { used: number }).used;

/** Runs `body` on each of the values; gives what came out, and how many runs TF.js had no part in. */
function runAll(
  passes: Repeated,
  inputs: readonly number[][],
  variables: readonly tf.Variable[],
  body: (x: tf.Tensor) => tf.Tensor,
) {
  let repeats = 0;
  const results = inputs.map((values) => {
    const x = tf.tensor1d(values);
    const runKernel = vi.spyOn(tf.engine() as unknown as { runKernelFunc: () => unknown }, 'runKernelFunc');
    const [y] = passes.run('', [x], variables, ([x]) => [tf.tidy(() => body(x!))]);
    if (runKernel.mock.calls.length === 0) repeats++;
    runKernel.mockRestore();
    const result = Array.from(y!.dataSync());
    tf.dispose([x, y!]);
    return result;
  });
  return { results, repeats };
}

const inputs = [
  [1, 2, 3],
  [4, 5, 6],
  [7, 8, 9],
  [10, 11, 12],
];

describe('Repeated on the engine', () => {
  it('repeats kernels from the third run on, and gives all memory back', () => {
    const before = used();
    const passes = new Repeated();
    const { results, repeats } = runAll(passes, inputs, [], (x) => tf.add(tf.mul(x, x), 1));
    expect(results).toEqual(inputs.map((values) => values.map((x) => x * x + 1)));
    expect(repeats).toBe(2);
    passes.dispose();
    expect(used()).toBe(before);
  });

  it('keeps constants that share their place with nothing, earlier results included', () => {
    const passes = new Repeated();
    const { results } = runAll(passes, inputs, [], (x) => {
      const sum = tf.tidy(() => tf.sum(tf.mul(tf.add(x, 1), 2)));
      // The places of the sum's intermediates are free when these are made.
      return tf.mul(tf.mul(tf.onesLike(x), tf.tensor1d([1, 10, 100])), tf.add(sum, tf.scalar(0.5)));
    });
    const expected = inputs.map((values) => {
      const sum = values.reduce((total, x) => total + 2 * (x + 1), 0.5);
      return [sum, 10 * sum, 100 * sum];
    });
    expect(results).toEqual(expected);
    passes.dispose();
  });

  it('sees variables that change in place, and goes back to TF.js when one has moved', () => {
    const passes = new Repeated();
    const weight = tf.variable(tf.tensor1d([1, 1, 1]));
    const body = (x: tf.Tensor) => tf.mul(x, weight);
    expect(runAll(passes, inputs.slice(0, 3), [weight], body).repeats).toBe(1);
    weight.assign(tf.tensor1d([2, 2, 2]));
    const { results, repeats } = runAll(passes, inputs, [weight], body);
    expect(results).toEqual(inputs.map((values) => values.map((x) => 2 * x)));
    expect(repeats).toBe(2);
    passes.dispose();
    weight.dispose();
  });

  it('does not repeat what JavaScript had a part in', () => {
    const passes = new Repeated();
    const before = used();
    // Asin is a kernel of the cpu backend.
    const { results, repeats } = runAll(passes, [[0], [1], [0], [1]], [], (x) => tf.asin(x));
    expect(repeats).toBe(0);
    expect(results.map(([y]) => y)).toEqual([0, Math.fround(Math.PI / 2), 0, Math.fround(Math.PI / 2)]);
    const looking = runAll(passes, inputs, [], (x) => tf.mul(x, tf.sum(x).dataSync()[0]!));
    expect(looking.repeats).toBe(0);
    expect(looking.results[1]).toEqual([60, 75, 90]);
    expect(used()).toBe(before);
  });

  it('raises the error of a computation that fails on other values', () => {
    const passes = new Repeated();
    const table = tf.variable(tf.tensor1d([5, 6, 7]));
    const gather = (id: number) => {
      const ids = tf.tensor1d([id], 'int32');
      try {
        const [y] = passes.run('', [ids], [table], ([ids]) => [tf.gather(table, ids as tf.Tensor1D)]);
        return y!.dataSync()[0];
      } finally {
        ids.dispose();
      }
    };
    expect([gather(0), gather(1), gather(2)]).toEqual([5, 6, 7]);
    expect(() => gather(3)).toThrow('index 3 is outside 0 .. 2');
    expect([gather(2), gather(1), gather(0)]).toEqual([7, 6, 5]);
    passes.dispose();
    table.dispose();
  });

  it('frees what it recorded of a computation that throws', () => {
    const passes = new Repeated();
    const before = used();
    const failing = (run: number) => () => {
      const x = tf.tensor1d([run]);
      try {
        passes
          .run('', [x], [], ([x]) => {
            if (run > 0) throw new Error('no');
            return [tf.add(x!, 1)];
          })[0]!
          .dispose();
      } finally {
        x.dispose();
      }
    };
    failing(0)();
    expect(failing(1)).toThrow('no');
    expect(failing(2)).toThrow('no');
    passes.dispose();
    expect(used()).toBe(before);
  });
});
