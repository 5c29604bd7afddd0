// Products of 8-bit operands: a linear layer, and one for each expert.
// Shape legend: M rows sorted by expert, E experts (1 for a linear layer), I and O input and output width.

import { type Fp8Recipe, transposed } from '../precision/recipe.ts';
import { customOp } from '../tensor/custom-op.ts';
import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fakeQuantize } from './fake-quantize.ts';
import { fusedOp } from './fused-op.ts';
import { groupedMatMul } from './grouped-matmul.ts';

export const quantizedMatMulOp = defineOp({
  name: 'QuantizedMatMul',
  inputs: { x: 'M I', weight: 'E O I' },
  /** Rows of each expert, and how operands are rounded. */
  attrs: attributes<Fp8Recipe & { readonly counts: readonly number[] }>(),
  outputs: { y: 'M O' },
  /** x as the recipe keeps it, and the rounded weight. */
  saved: { x8: 'M I', weight8: 'E O I' },
});

/**
 * `groupedMatMul` of rounded operands, summed in float32; so are the two products of its gradient. Rounding counts as
 * the identity in the gradient.
 *
 * Shapes: x [M, I] whose first counts[0] rows are expert 0's and so on, weight [E, O, I] -> [M, O].
 * Source: arXiv:2412.19437 section 3.3; see `Fp8Recipe` for what is rounded how.
 */
export function quantizedMatMul(
  x: tf.Tensor2D,
  weight: tf.Tensor3D,
  counts: Int32Array,
  recipe: Fp8Recipe,
): tf.Tensor2D {
  const attrs = { counts: Array.from(counts), ...recipe };
  return fusedOp(quantizedMatMulOp, { x, weight }, attrs, ({ x, weight }) => ({
    y: reference(x, weight, counts, recipe),
  })).y;
}

/** The weight of each expert in its blocks. Shapes: [E, O, I] -> the same. */
export function roundedWeights(weight: tf.Tensor3D, recipe: Fp8Recipe): tf.Tensor3D {
  const [E, O, I] = weight.shape;
  const rows = fakeQuantize(tf.reshape(weight, [E * O, I]), recipe.weights, Array<number>(E).fill(O));
  return tf.reshape(rows, [E, O, I]);
}

function reference(x: tf.Tensor2D, weight: tf.Tensor3D, counts: Int32Array, recipe: Fp8Recipe): tf.Tensor2D {
  const [y] = customOp({
    inputs: { x, weight },
    forward: (save) => {
      const x8 = fakeQuantize(x, recipe.activations);
      const weight8 = roundedWeights(weight, recipe);
      save([cachedInput(x, x8, recipe), weight8]);
      return [groupedMatMul(x8, weight8, counts)];
    },
    backward: ([dy], [x8, weight8]) =>
      quantizedGradients(dy as tf.Tensor2D, x8 as tf.Tensor2D, weight8 as tf.Tensor3D, counts, recipe),
  });
  return y as tf.Tensor2D;
}

/** x as the backward pass finds it. */
function cachedInput(x: tf.Tensor2D, x8: tf.Tensor2D, { cached }: Fp8Recipe): tf.Tensor2D {
  if (cached === undefined) return x8;
  return cached === 'given' ? x : fakeQuantize(x, cached);
}

/** Gradients of x and of the weight, from `x8`, which is x as it was kept, and the rounded weight. */
export function quantizedGradients(
  dy: tf.Tensor2D,
  x8: tf.Tensor2D,
  weight8: tf.Tensor3D,
  counts: Int32Array,
  recipe: Fp8Recipe,
): { readonly x: tf.Tensor2D; readonly weight: tf.Tensor3D } {
  const [groups, turned] = [Array.from(counts), tf.transpose(weight8, [0, 2, 1])];
  const dyAlongTokens = fakeQuantize(dy, transposed(recipe.gradients), groups);
  const xAlongTokens = fakeQuantize(x8, transposed(recipe.activations), groups);
  return {
    x: groupedMatMul(fakeQuantize(dy, recipe.gradients), turned, counts),
    weight: groupedOuter(dyAlongTokens, xAlongTokens, groups),
  };
}

/**
 * The product over the rows of each group. Zero for a group without rows, and without a product: WebGPU refuses to bind
 * a tensor without elements, and drops all work that was submitted together with it.
 *
 * Shapes: dy [M, O], x [M, I] -> [E, O, I].
 */
function groupedOuter(dy: tf.Tensor2D, x: tf.Tensor2D, groups: readonly number[]): tf.Tensor3D {
  const filled = groups.filter((rows) => rows > 0);
  const xOf = tf.split(x, filled, 0) as tf.Tensor2D[];
  const products = (tf.split(dy, filled, 0) as tf.Tensor2D[]).map((part, i) => tf.matMul(part, xOf[i]!, true, false));
  const none = tf.zeros<tf.Rank.R2>([dy.shape[1], x.shape[1]]);
  const rest = products.values();
  return tf.stack(groups.map((rows) => (rows > 0 ? rest.next().value! : none))) as tf.Tensor3D;
}
