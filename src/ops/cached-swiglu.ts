// The reference of what follows a SwiGLU whose inputs are kept in 8 bits: its output is computed again in the backward
// pass. Shape legend: M rows sorted by expert, E experts (1 for a dense layer), F expert hidden size, O output width.

import type { Fp8Recipe } from '../precision/recipe.ts';
import { customOp } from '../tensor/custom-op.ts';
import { tf } from '../tensor/tf.ts';
import { fakeQuantize } from './fake-quantize.ts';
import { groupedMatMul } from './grouped-matmul.ts';
import { quantizedGradients, roundedWeights } from './quantized-matmul.ts';

/**
 * The product of `silu(gate) * up * factors` with the weight of each expert, in 8 bits. The forward pass has gate and up
 * as they are; the backward pass has them as the tiles of activations round them.
 *
 * Shapes: gate and up [M, F], factors [M, 1], weight [E, O, F] -> [M, O].
 * Source: arXiv:2412.19437 section 3.3.3.
 */
export function cachedSwigluMatMul(
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
  factors: tf.Tensor2D,
  weight: tf.Tensor3D,
  counts: Int32Array,
  recipe: Fp8Recipe,
): tf.Tensor2D {
  const [y] = customOp({
    inputs: { gate, up, factors, weight },
    forward: (save) => {
      const weight8 = roundedWeights(weight, recipe);
      save([fakeQuantize(gate, recipe.activations), fakeQuantize(up, recipe.activations), factors, weight8]);
      const active = tf.mul(tf.mul(silu(gate), up), factors) as tf.Tensor2D;
      return [groupedMatMul(fakeQuantize(active, recipe.activations), weight8, counts)];
    },
    backward: ([dy], saved) => {
      const [gate8, up8, factors, weight8] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D, tf.Tensor3D];
      const plain = tf.mul(silu(gate8), up8);
      const active = tf.mul(plain, factors) as tf.Tensor2D;
      const { x: dActive, weight: dWeight } = quantizedGradients(dy as tf.Tensor2D, active, weight8, counts, recipe);
      const dPlain = tf.mul(dActive, factors);
      const sigmoid = tf.sigmoid(gate8);
      const slope = tf.mul(sigmoid, tf.add(tf.mul(gate8, tf.sub(1, sigmoid)), 1));
      return {
        gate: tf.mul(tf.mul(dPlain, up8), slope),
        up: tf.mul(dPlain, silu(gate8)),
        factors: tf.sum(tf.mul(dActive, plain), 1, true),
        weight: dWeight,
      };
    },
  });
  return y as tf.Tensor2D;
}

const silu = (x: tf.Tensor2D) => tf.mul(x, tf.sigmoid(x));
