import type { Fp8Recipe } from '../precision/recipe.ts';
import { tf } from '../tensor/tf.ts';
import { cachedSwigluMatMul } from './cached-swiglu.ts';
import { attributes, defineOp } from './define-op.ts';
import { fusedOp } from './fused-op.ts';

export const fp8SwigluLinearOp = defineOp({
  name: 'Fp8SwiGluLinear',
  inputs: { gate: 'N I', up: 'N I', weight: 'O I' },
  attrs: attributes<Fp8Recipe>(),
  outputs: { y: 'N O' },
  /** Gate and up as codes of E4M3 with their scales, in a layout of the backend's choice. */
  saved: { codedGate: 'int32 L', codedUp: 'int32 L' },
  unsaved: ['gate', 'up'],
});

/**
 * `fp8Linear` of `swiglu(gate, up)`. The backward pass reads gate and up in 8 bits and computes the rest again, by a
 * recipe for which `isTiled` holds.
 *
 * Shapes: gate and up [N, in], weight [out, in] -> [N, out].
 * Source: arXiv:2412.19437 section 3.3.3, which says so of the experts; here it holds for dense layers too.
 */
export function fp8SwigluLinear(
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
  weight: tf.Tensor2D,
  recipe: Fp8Recipe,
): tf.Tensor2D {
  return fusedOp(fp8SwigluLinearOp, { gate, up, weight }, recipe, ({ gate, up, weight }) => {
    const N = gate.shape[0];
    const matrices = tf.reshape<tf.Rank.R3>(weight, [1, ...weight.shape]);
    return { y: cachedSwigluMatMul(gate, up, tf.ones([N, 1]), matrices, Int32Array.of(N), recipe) };
  }).y;
}
