// Kernels of 8-bit operands against the same products made of an op for each part: the same bits, values and gradients,
// on any number of threads.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { expertsByRows } from '../../src/ops/experts-by-rows.ts';
import { fp8Experts } from '../../src/ops/fp8-experts.ts';
import { fp8Linear } from '../../src/ops/fp8-linear.ts';
import { quantizedMatMul } from '../../src/ops/quantized-matmul.ts';
import { type Fp8Recipe, fp8Recipe } from '../../src/precision/recipe.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { tf } from '../../src/tensor/tf.ts';
import { constant, input } from '../ops/op-case.ts';
import { expectSameBits } from './same-bits.ts';

const e5m2Gradients: Fp8Recipe = { ...fp8Recipe, gradients: { ...fp8Recipe.gradients, format: 'e5m2' } };

/** Output and gradients, of a loss in which every element has another weight. */
function numbers(inputs: readonly tf.Variable[], output: () => tf.Tensor): Float32Array[] {
  const y = tf.tidy(output);
  const { value, grads } = valueAndGrads(() => tf.sum(tf.mul(output(), constant('dy', y.shape))).asScalar(), inputs);
  const all = [y, ...grads].map((tensor) => tensor.dataSync<'float32'>());
  tf.dispose([y, value, ...grads]);
  return all;
}

/** Every third token goes to expert 0 first; nobody goes to the last expert. */
const chosen = (N: number, K: number, E: number) =>
  tf.tensor2d(
    Array.from({ length: N * K }, (_, i) => (Math.floor(i / K) ** 2 + (i % K) * 2) % (E - 1)),
    [N, K],
    'int32',
  );

describe.each([
  ['the recipe of training', fp8Recipe],
  ['gradients in E5M2', e5m2Gradients],
])('property: %s', (_, recipe) => {
  it.each([
    [67, 48, 37],
    [300, 23, 16],
    [1, 16, 1],
  ])('a linear layer of %i rows, %i to %i', async (N, I, O) => {
    for (const threads of [1, 3]) {
      await activateBackend('engine', { threads });
      const [x, weight] = [input<tf.Rank.R2>('x', [N, I]), input<tf.Rank.R2>('weight', [O, I])];
      const inputs = [x, weight] as tf.Variable[];
      const matrices = () => tf.reshape<tf.Rank.R3>(weight, [1, O, I]);
      const fused = numbers(inputs, () => fp8Linear(x as tf.Tensor2D, weight as tf.Tensor2D, recipe));
      const parts = numbers(inputs, () => quantizedMatMul(x as tf.Tensor2D, matrices(), Int32Array.of(N), recipe));
      expectSameBits(fused, parts);
      tf.dispose(inputs);
    }
  });

  it.each([
    [61, 3, 8, 48, 33],
    [500, 2, 4, 19, 16],
    [5, 1, 3, 3, 2],
  ])('%i tokens of %i of %i experts, width %i and %i', async (N, K, E, D, F) => {
    for (const threads of [1, 3]) {
      await activateBackend('engine', { threads });
      const [x, gates] = [input<tf.Rank.R2>('x', [N, D]), input<tf.Rank.R2>('gates', [N, K])];
      const [gateUp, down] = [input<tf.Rank.R3>('gateUp', [E, 2 * F, D], 0.3), input<tf.Rank.R3>('down', [E, D, F])];
      const inputs = [x, gates, gateUp, down] as tf.Variable[];
      const routing = { topkIndices: chosen(N, K, E), topkWeights: gates as tf.Tensor2D };
      const given = [x as tf.Tensor2D, routing, gateUp as tf.Tensor3D, down as tf.Tensor3D] as const;
      const multiply = (rows: tf.Tensor2D, weight: tf.Tensor3D, counts: Int32Array) =>
        quantizedMatMul(rows, weight, counts, recipe);
      const fused = numbers(inputs, () => fp8Experts(...given, recipe));
      expectSameBits(
        fused,
        numbers(inputs, () => expertsByRows(...given, multiply)),
      );
      tf.dispose([...inputs, routing.topkIndices]);
    }
  });
});

describe('kernels of 8-bit operands', () => {
  it('spoil a tile with a NaN in it, forward and backward, and no other token', async () => {
    await activateBackend('engine', { threads: 2 });
    const values = constant<tf.Rank.R2>('x', [5, 32]).dataSync<'float32'>();
    values[2 * 32 + 7] = Number.NaN;
    const [x, weight] = [tf.variable(tf.tensor2d(values, [5, 32])), input<tf.Rank.R2>('weight', [3, 32])];
    const [y, , dWeight] = numbers([x, weight] as tf.Variable[], () =>
      fp8Linear(x as tf.Tensor2D, weight as tf.Tensor2D, fp8Recipe),
    );
    const spoiled = Array.from({ length: 5 }, (_, row) => y!.subarray(3 * row, 3 * row + 3).every(Number.isNaN));
    expect(spoiled).toEqual([false, false, true, false, false]);
    // x is kept as codes, which have one NaN: its tile of 16 channels, and not the other, reaches the weight's gradient.
    for (let i = 0; i < 3; i++) {
      const row = dWeight!.subarray(32 * i, 32 * i + 32);
      expect(Array.from(row, Number.isNaN)).toEqual(Array.from({ length: 32 }, (_, column) => column < 16));
    }
    tf.dispose([x, weight]);
  });

  it('refuse an expert that is not there', async () => {
    await activateBackend('engine', { threads: 2 });
    const weights = [tf.zeros<tf.Rank.R3>([2, 6, 4]), tf.zeros<tf.Rank.R3>([2, 4, 3])] as const;
    const routing = { topkIndices: tf.tensor2d([[2]], [1, 1], 'int32'), topkWeights: tf.ones<tf.Rank.R2>([1, 1]) };
    expect(() => fp8Experts(tf.zeros([1, 4]), routing, ...weights, fp8Recipe)).toThrow(/indices of 2 experts/);
  });
});
