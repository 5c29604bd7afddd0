// Linear cross-entropy where the vocabulary does not fit one tile of logits, and what conformance does not look at.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { linearCrossEntropy } from '../../src/ops/linear-cross-entropy.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { deriveSeed, normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { expectSameBits } from './same-bits.ts';

await activateBackend('engine', { threads: 2 });

interface Size {
  readonly N: number;
  readonly D: number;
  readonly V: number;
  /** Size of the weights: logits are about sqrt(D) times that. */
  readonly std?: number;
}

const numbers = (name: string, size: number, std = 1) => normalArray(size, std, deriveSeed(name));
/** Labels all over the vocabulary, its ends included. */
const labelsOf = ({ N, V }: Size) =>
  Int32Array.from({ length: N }, (_, n) => (n === 0 ? V - 1 : n === 1 ? 0 : (n * 7919) % V));

/** Losses, and the gradients of their sum with row n weighted by sin(n). */
function onEngine(size: Size, hidden = numbers('hidden', size.N * size.D)): Float32Array[] {
  const { N, D, V, std } = size;
  return tf.tidy(() => {
    const x = tf.variable(tf.tensor2d(hidden, [N, D]));
    const weight = tf.variable(tf.tensor2d(numbers('weight', V * D, std), [V, D]));
    const labels = tf.tensor1d(labelsOf(size), 'int32');
    const probe = tf.tensor1d(Array.from({ length: N }, (_, n) => Math.sin(n)));
    const losses = linearCrossEntropy(x, weight, labels);
    const total = () => tf.sum(tf.mul(linearCrossEntropy(x, weight, labels), probe)).asScalar();
    const results = [losses, ...valueAndGrads(total, [x, weight]).grads].map((tensor) => tensor.dataSync<'float32'>());
    tf.dispose([x, weight]);
    return results;
  });
}

/** The same from the definition, in float64. */
function byDefinition(size: Size): Float64Array[] {
  const { N, D, V, std } = size;
  const [hidden, weight, labels] = [numbers('hidden', N * D), numbers('weight', V * D, std), labelsOf(size)];
  const [losses, dHidden, dWeight] = [new Float64Array(N), new Float64Array(N * D), new Float64Array(V * D)];
  const logits = new Float64Array(V);
  for (let n = 0; n < N; n++) {
    let largest = Number.NEGATIVE_INFINITY;
    for (let v = 0; v < V; v++) {
      let logit = 0;
      for (let d = 0; d < D; d++) logit += hidden[n * D + d]! * weight[v * D + d]!;
      logits[v] = logit;
      largest = Math.max(largest, logit);
    }
    const logSum = largest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
    losses[n] = logSum - logits[labels[n]!]!;
    for (let v = 0; v < V; v++) {
      const slope = Math.sin(n) * (Math.exp(logits[v]! - logSum) - Number(v === labels[n]));
      for (let d = 0; d < D; d++) {
        dHidden[n * D + d]! += slope * weight[v * D + d]!;
        dWeight[v * D + d]! += slope * hidden[n * D + d]!;
      }
    }
  }
  return [losses, dHidden, dWeight];
}

describe('linear cross-entropy on the engine', () => {
  it.each<Size>([
    { N: 1, D: 1, V: 2 },
    { N: 3, D: 2, V: 131 },
    { N: 1031, D: 3, V: 2053 }, // two tiles, the second of 21 columns
    { N: 17, D: 2, V: 129280 }, // DeepSeek-V3's vocabulary, two tiles
    { N: 1031, D: 3, V: 2053, std: 100 }, // logits of hundreds, whose exponentials would overflow
  ])('gives losses and gradients of $N rows of $D over $V tokens', (size) => {
    const [actual, expected] = [onEngine(size), byDefinition(size)];
    for (const [i, what] of ['losses', 'dHidden', 'dWeight'].entries()) {
      const largest = expected[i]!.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      // Logits of size 500 are rounded to 3e-5, which is the relative error of a probability; all else is smaller.
      expectAllClose(actual[i]!, expected[i]!, { rtol: 0, atol: 1e-4 * largest + 1e-6 }, what);
    }
  });

  it('gives the same bits for any number of threads', async () => {
    const sizes = [
      { N: 257, D: 19, V: 1031 },
      { N: 1031, D: 3, V: 2053 },
    ];
    const expected = sizes.map((size) => onEngine(size));
    for (const threads of [1, 3, 4]) {
      await activateBackend('engine', { threads });
      for (const [i, size] of sizes.entries()) expectSameBits(onEngine(size), expected[i]!);
    }
  });

  it('keeps a NaN in its row', () => {
    const hidden = numbers('hidden', 7 * 5);
    hidden[2 * 5 + 1] = Number.NaN;
    const [losses, dHidden] = onEngine({ N: 7, D: 5, V: 23 }, hidden);
    expect(Array.from(losses!, Number.isNaN)).toEqual([0, 1, 2, 3, 4, 5, 6].map((n) => n === 2));
    expect(Array.from(dHidden!, Number.isNaN)).toEqual(Array.from({ length: 35 }, (_, i) => Math.floor(i / 5) === 2));
  });

  it('leak: leaves nothing in the heap', () => {
    const use = () => (tf.memory() as unknown as { used: number }).used;
    for (const size of [
      { N: 3, D: 2, V: 131 },
      { N: 17, D: 2, V: 129280 },
    ]) {
      const before = [tf.memory().numTensors, use()];
      onEngine(size);
      expect([tf.memory().numTensors, use()]).toEqual(before);
    }
  });
});
