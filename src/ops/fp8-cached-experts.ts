// Shape legend: N tokens, K experts per token, E experts, D hiddenSize, F moeIntermediateSize.

import type { Fp8Recipe } from '../precision/recipe.ts';
import type { tf } from '../tensor/tf.ts';
import { cachedSwigluMatMul } from './cached-swiglu.ts';
import { attributes, defineOp } from './define-op.ts';
import { expertsByRows } from './experts-by-rows.ts';
import { fusedOp } from './fused-op.ts';
import { quantizedMatMul } from './quantized-matmul.ts';
import type { Routing } from './router.ts';

export const fp8CachedExpertsOp = defineOp({
  name: 'Fp8CachedExperts',
  inputs: { x: 'N D', topkIndices: 'int32 N K', topkWeights: 'N K', gateUpProj: 'E 2*F D', downProj: 'E D F' },
  attrs: attributes<Fp8Recipe>(),
  outputs: { y: 'N D' },
  /** As in `fp8ExpertsOp`; gate and up products of each row as codes, those of gate before those of up. */
  saved: { plan: 'int32 L', codedX: 'int32 A', codedGateUp: 'int32 B' },
  unsaved: ['x'],
});

/**
 * `fp8Experts` whose backward pass reads the inputs of SwiGLU in 8 bits and computes its output again.
 *
 * Shapes: x [N, D], routing [N, K], gateUpProj [E, 2F, D], downProj [E, D, F] -> [N, D].
 * Source: arXiv:2412.19437 section 3.3.3.
 */
export function fp8CachedExperts(
  x: tf.Tensor2D,
  { topkIndices, topkWeights }: Routing,
  gateUpProj: tf.Tensor3D,
  downProj: tf.Tensor3D,
  recipe: Fp8Recipe,
): tf.Tensor2D {
  const inputs = { x, topkIndices, topkWeights, gateUpProj, downProj };
  return fusedOp(fp8CachedExpertsOp, inputs, recipe, ({ x, topkIndices, topkWeights, gateUpProj, downProj }) => {
    const multiply = (rows: tf.Tensor2D, weight: tf.Tensor3D, counts: Int32Array) =>
      quantizedMatMul(rows, weight, counts, recipe);
    const down = (gate: tf.Tensor2D, up: tf.Tensor2D, gates: tf.Tensor2D, weight: tf.Tensor3D, counts: Int32Array) =>
      cachedSwigluMatMul(gate, up, gates, weight, counts, recipe);
    return { y: expertsByRows(x, { topkIndices, topkWeights }, gateUpProj, downProj, multiply, down) };
  }).y;
}
