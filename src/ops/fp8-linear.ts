import type { Fp8Recipe } from '../precision/recipe.ts';
import { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';
import { quantizedMatMul } from './quantized-matmul.ts';

export const fp8LinearOp = defineOp({
  name: 'Fp8Linear',
  inputs: { x: 'N I', weight: 'O I' },
  attrs: attributes<Fp8Recipe>(),
  outputs: { y: 'N O' },
  /** x, rounded as the recipe keeps it, as codes with their scales, in a layout of the backend's choice. */
  saved: { codedX: 'int32 L' },
  unsaved: ['x'],
});

/**
 * `linear` of rounded operands, forward and backward, by a recipe for which `isTiled` holds.
 *
 * Shapes: x [N, in], weight [out, in] -> [N, out].
 */
export function fp8Linear(x: tf.Tensor2D, weight: tf.Tensor2D, recipe: Fp8Recipe): tf.Tensor2D {
  return fusedOp(fp8LinearOp, { x, weight }, recipe, ({ x, weight }) => {
    const matrices = tf.reshape<tf.Rank.R3>(weight, [1, ...weight.shape]);
    return { y: quantizedMatMul(x, matrices, Int32Array.of(x.shape[0]), recipe) };
  }).y;
}
