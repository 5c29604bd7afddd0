// Long runs: thousands of kernels of random shapes under a memory limit, and thousands of training steps that must not
// make the heap grow.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { HeapUse } from '../../src/engine/heap.ts';
import { rmsNorm } from '../../src/ops/rms-norm.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';

const limit = 16 * 2 ** 20;
await activateBackend('engine', { threads: 2, engineMemory: limit });

const heapUse = () => tf.memory() as tf.MemoryInfo & HeapUse;

type Random = () => number;

/** A whole number from 1 to `most`, small ones more often. */
const sizeUpTo = (most: number, random: Random) => 1 + Math.floor(most * random() ** 2);

function normal(shape: number[], random: Random): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => 2 * random() - 1),
    shape,
  );
}

function product(random: Random): tf.Tensor {
  const batch = random() < 0.5 ? [] : [sizeUpTo(5, random)];
  const [m, n, k] = [sizeUpTo(40, random), sizeUpTo(40, random), sizeUpTo(60, random)];
  const [transposeA, transposeB] = [random() < 0.5, random() < 0.5];
  const a = normal([...batch, ...(transposeA ? [k, m] : [m, k])], random);
  const b = normal([...(random() < 0.5 ? batch : []), ...(transposeB ? [n, k] : [k, n])], random);
  return tf.matMul(a, b, transposeA, transposeB);
}

const width = (random: Random) => [sizeUpTo(50, random), sizeUpTo(70, random)] as [number, number];

function norm(random: Random): tf.Tensor {
  const [rows, columns] = width(random);
  return rmsNorm(normal([rows, columns], random), normal([columns], random) as tf.Tensor1D, 1e-5);
}

function normGradient(random: Random): tf.Tensor {
  const [rows, columns] = width(random);
  const [x, weight] = [normal([rows, columns], random), normal([columns], random) as tf.Tensor1D];
  return tf.grad((input) => tf.sum(tf.square(rmsNorm(input, weight, 1e-5))))(x);
}

/** Ops of all kinds: kernels of the engine, and of the cpu backend on the engine's memory. */
const ops: readonly ((random: Random) => tf.Tensor)[] = [
  product,
  product,
  norm,
  normGradient,
  (random) => tf.add(normal(width(random), random), random()),
  (random) => {
    const shape = width(random);
    return tf.mul(normal(shape, random), normal([shape[1]], random));
  },
  (random) => tf.softmax(normal(width(random), random)),
  (random) => tf.transpose(normal(width(random), random)),
  (random) => tf.sum(normal(width(random), random), random() < 0.5 ? 0 : 1),
  (random) => {
    const shape = width(random);
    return tf.concat([normal(shape, random), normal(shape, random)], 1);
  },
];

const calls = 2000;

/** What every call gives, on the current backend; `between` is called before each. */
async function runCalls(between: (call: number) => Promise<void>): Promise<Float32Array[]> {
  const random = createRandom(17);
  const results: Float32Array[] = [];
  for (let call = 0; call < calls; call++) {
    await between(call);
    const op = ops[Math.floor(random() * ops.length)]!;
    const result = tf.tidy(() => op(random));
    results.push(result.dataSync<'float32'>());
    result.dispose();
  }
  return results;
}

describe('two thousand calls', () => {
  it('give what the cpu backend gives, whatever the threads and however full the memory', async () => {
    const random = createRandom(23);
    const ballast: tf.Tensor[] = [];
    /** Keeps four fifths of the memory in blocks of all sizes, which come and go. */
    const press = () => {
      ballast.push(tf.zeros([sizeUpTo(50_000, random)]));
      while (heapUse().used > 0.8 * limit) ballast.splice(Math.floor(random() * ballast.length), 1)[0]?.dispose();
    };
    const actual = await runCalls(async (call) => {
      if (call % 100 === 0) await activateBackend('engine', { threads: 1 + ((call / 100) % 4) });
      press();
    });
    expect(heapUse().reserved).toBeLessThanOrEqual(limit);
    expect(heapUse().peak).toBeGreaterThan(0.8 * limit);
    tf.dispose(ballast);
    await activateBackend('cpu');
    const expected = await runCalls(async () => {});
    // Sums of up to 60 products below 1, in another order.
    for (const [call, values] of expected.entries())
      expectAllClose(actual[call]!, values, { rtol: 1e-5, atol: 1e-5 }, `call ${call}`);
    await activateBackend('engine', { threads: 2 });
  });
});

describe('twenty thousand training steps', () => {
  it('leave the heap as it was after the first hundred', () => {
    const random = createRandom(29);
    const weight = tf.variable(normal([17, 13], random) as tf.Tensor2D);
    const scale = tf.variable(tf.ones([17]) as tf.Tensor1D);
    const step = () => {
      // Sequences of any length from 1 to 32.
      const rows = 1 + Math.floor(32 * random());
      tf.tidy(() => {
        const x = tf.fill([rows, 17], 0.1) as tf.Tensor2D;
        const { grads } = valueAndGrads(
          () => tf.sum(tf.square(tf.matMul(rmsNorm(x, scale, 1e-5), weight))).asScalar(),
          [weight, scale],
        );
        weight.assign(tf.sub(weight, tf.mul(grads[0]!, 1e-3)));
      });
    };
    for (let i = 0; i < 100; i++) step();
    const before = heapUse();
    for (let i = 0; i < 20_000; i++) step();
    const { numTensors, numBytes, used, reserved } = heapUse();
    expect({ numTensors, numBytes, used }).toEqual({
      numTensors: before.numTensors,
      numBytes: before.numBytes,
      used: before.used,
    });
    expect(reserved).toBe(before.reserved);
    weight.dispose();
    scale.dispose();
  });
});
