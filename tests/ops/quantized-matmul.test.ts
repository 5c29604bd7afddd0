// Which operand of which product is rounded how, against plain loops over rounded matrices.

import { describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { quantizedMatMul } from '../../src/ops/quantized-matmul.ts';
import { quantizeDequantize } from '../../src/precision/quantize.ts';
import { type Fp8Recipe, fp8Recipe, transposed } from '../../src/precision/recipe.ts';
import { valueAndGrads } from '../../src/tensor/gradients.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';

const [N, I, O] = [37, 23, 19];
const x = normalArray(N * I, 1, 3);
const weight = normalArray(O * I, 1, 5);
const dy = normalArray(N * O, 1, 7);

/** A mixture in which no two operands are rounded alike. */
const mixed: Fp8Recipe = {
  activations: { format: 'e4m3', rows: 1, columns: 16 },
  weights: { format: 'e4m3', rows: 16, columns: 16 },
  gradients: { format: 'e5m2', rows: 3, columns: 5 },
};

/** Sum over k of a(i, k) b(k, j), in float64. */
const product = (
  m: number,
  n: number,
  depth: number,
  a: (i: number, k: number) => number,
  b: (k: number, j: number) => number,
) =>
  Float32Array.from({ length: m * n }, (_, at) => {
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += a(Math.floor(at / n), k) * b(k, at % n);
    return sum;
  });

function expected({ activations, weights, gradients }: Fp8Recipe) {
  const x8 = quantizeDequantize(x, I, activations);
  const weight8 = quantizeDequantize(weight, I, weights);
  const dy8 = quantizeDequantize(dy, O, gradients);
  const dyTurned = quantizeDequantize(dy, O, transposed(gradients));
  const xTurned = quantizeDequantize(x8, I, transposed(activations)); // of what the forward pass has kept
  return {
    y: product(
      N,
      O,
      I,
      (i, k) => x8[i * I + k]!,
      (k, j) => weight8[j * I + k]!,
    ),
    dx: product(
      N,
      I,
      O,
      (i, k) => dy8[i * O + k]!,
      (k, j) => weight8[k * I + j]!,
    ),
    dWeight: product(
      O,
      I,
      N,
      (i, k) => dyTurned[k * O + i]!,
      (k, j) => xTurned[k * I + j]!,
    ),
  };
}

describe.each(['engine', 'cpu'] as const)('quantizedMatMul on %s', (backend) => {
  it.each([
    ['the recipe of training', fp8Recipe],
    ['different operands', mixed],
  ])('rounds the operands of all three products: %s', async (_, recipe) => {
    await activateBackend(backend);
    const variables = [tf.variable(tf.tensor2d(x, [N, I])), tf.variable(tf.tensor3d(weight, [1, O, I]))] as const;
    const y = tf.tidy(() => quantizedMatMul(variables[0], variables[1], Int32Array.of(N), recipe).dataSync());
    const { value, grads } = valueAndGrads(
      () =>
        tf
          .sum(tf.mul(quantizedMatMul(variables[0], variables[1], Int32Array.of(N), recipe), tf.tensor2d(dy, [N, O])))
          .asScalar(),
      variables,
    );
    const right = expected(recipe);
    const close = { rtol: 0, atol: 2e-5 }; // float32 sums of up to 37 products of size 1
    expectAllClose(y, right.y, close, 'y');
    expectAllClose(grads[0]!.dataSync(), right.dx, close, 'dx');
    expectAllClose(grads[1]!.dataSync(), right.dWeight, close, 'dWeight');
    tf.dispose([value, ...grads, ...variables]);
  });

  it('keeps the tokens of two experts under scales of their own', async () => {
    await activateBackend(backend);
    // Expert 0 sees gradients a million times those of expert 1: in a shared tile of 16 tokens these would vanish.
    const counts = Int32Array.of(5, 6);
    const scaled = Float32Array.from({ length: 11 * O }, (_, i) => dy[i]! * (i < 5 * O ? 1e6 : 1));
    const variables = [tf.variable(tf.ones<tf.Rank.R2>([11, I])), tf.variable(tf.ones<tf.Rank.R3>([2, O, I]))] as const;
    const { value, grads } = valueAndGrads(
      () => tf.sum(tf.mul(quantizedMatMul(...variables, counts, fp8Recipe), tf.tensor2d(scaled, [11, O]))).asScalar(),
      variables,
    );
    const second = grads[1]!.dataSync().subarray(O * I);
    const plain = Float32Array.from({ length: O }, (_, o) =>
      [5, 6, 7, 8, 9, 10].reduce((sum, n) => sum + dy[n * O + o]!, 0),
    );
    // Six numbers of size 1, each rounded to 3 bits of mantissa: within 2^-4 of itself.
    for (let o = 0; o < O; o++) expect(Math.abs(second[o * I]! - plain[o]!)).toBeLessThan(0.5);
    tf.dispose([value, ...grads, ...variables]);
  });
});
