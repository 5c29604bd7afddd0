// Shape legend: N tokens, K experts per token, E experts, D hiddenSize, F moeIntermediateSize.

import type { Fp8Recipe } from '../precision/recipe.ts';
import type { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { expertsByRows } from './experts-by-rows.ts';
import { fusedOp } from './fused-op.ts';
import { quantizedMatMul } from './quantized-matmul.ts';
import type { Routing } from './router.ts';

export const fp8ExpertsOp = defineOp({
  name: 'Fp8Experts',
  inputs: { x: 'N D', topkIndices: 'int32 N K', topkWeights: 'N K', gateUpProj: 'E 2*F D', downProj: 'E D F' },
  attrs: attributes<Fp8Recipe>(),
  outputs: { y: 'N D' },
  /**
   * `plan` and `gateUp` as in `routedExpertsOp`; x and the activations as codes with their scales, in a layout of the
   * backend's choice.
   */
  saved: { plan: 'int32 L', gateUp: 'N*K 2*F', codedX: 'int32 A', codedActive: 'int32 B' },
  unsaved: ['x'],
});

/**
 * `routedExperts` of rounded operands, forward and backward, by a recipe for which `isTiled` holds. What lies between
 * the two products of an expert, activation and gates, stays float32.
 *
 * Shapes: x [N, D], routing [N, K], gateUpProj [E, 2F, D], downProj [E, D, F] -> [N, D].
 */
export function fp8Experts(
  x: tf.Tensor2D,
  { topkIndices, topkWeights }: Routing,
  gateUpProj: tf.Tensor3D,
  downProj: tf.Tensor3D,
  recipe: Fp8Recipe,
): tf.Tensor2D {
  const inputs = { x, topkIndices, topkWeights, gateUpProj, downProj };
  return fusedOp(fp8ExpertsOp, inputs, recipe, ({ x, topkIndices, topkWeights, gateUpProj, downProj }) => {
    const multiply = (rows: tf.Tensor2D, weight: tf.Tensor3D, counts: Int32Array) =>
      quantizedMatMul(rows, weight, counts, recipe);
    return { y: expertsByRows(x, { topkIndices, topkWeights }, gateUpProj, downProj, multiply) };
  }).y;
}
