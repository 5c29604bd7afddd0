// What happens at the experts a token is sent to: one SwiGLU each.
// Shape legend: N tokens, K experts per token, E experts, D hiddenSize, F moeIntermediateSize.

import { activeBackend } from '../tensor/active-backend.ts';
import type { tf } from '../tensor/tf.ts';
import { attributes, defineOp } from './define-op.ts';
import { denseExperts } from './dense-experts.ts';
import { expertsByRows } from './experts-by-rows.ts';
import { fusedOp } from './fused-op.ts';
import { groupedMatMul } from './grouped-matmul.ts';
import { hasKernel } from './kernels.ts';
import type { Routing } from './router.ts';

export const routedExpertsOp = defineOp({
  name: 'RoutedExperts',
  inputs: { x: 'N D', topkIndices: 'int32 N K', topkWeights: 'N K', gateUpProj: 'E 2*F D', downProj: 'E D F' },
  /** Whether a kernel should compute `active` again in the gradient, where it can. */
  attrs: attributes<{ readonly recomputes: boolean }>(),
  outputs: { y: 'N D' },
  /**
   * `plan` says where rows come from and which expert has which, in a layout of the backend's choice. `gateUp` are the
   * gate and up products of each row, and `active` is the activation of these, times the router's gate.
   */
  saved: { plan: 'int32 L', gateUp: 'N*K 2*F', 'active?': 'N*K F' },
  weights: ['gateUpProj', 'downProj'],
  /** The last two are gradients. The indices and `downProj` are kept only for their sizes. */
  kept: {
    x: 'N D',
    topkIndices: 'int32 N K',
    downProj: 'E D F',
    plan: 'int32 L',
    active: 'N*K F',
    dy: 'N D',
    dGateUp: 'N*K 2*F',
  },
});

/**
 * The best way for tokens to get to their experts on the active backend:
 *
 * - `kernel`: one kernel for dispatch, experts and combining; only the selected (token, expert) pairs are computed.
 * - `host`: the host reads the indices and sorts tokens by expert; the same pairs are computed, with an op for each
 *   part.
 * - `dense`: the host cannot read without waiting, so every token visits all experts, with gate 0 where it was not
 *   sent.
 */
export type ExpertDispatch = 'kernel' | 'host' | 'dense';

export function expertDispatch(): ExpertDispatch {
  if (hasKernel(routedExpertsOp)) return 'kernel';
  return activeBackend().canReadSync ? 'host' : 'dense';
}

/**
 * Sends each token to its K experts and sums what they return, weighted by the gates, in the way of `expertDispatch`.
 *
 * Shapes: x [N, D], routing [N, K], gateUpProj [E, 2F, D] (for each expert, F rows of `gate_proj` and then F rows of
 * `up_proj`), downProj [E, D, F] -> [N, D].
 * Gradient: to x, the gates and the weights; zero for an expert without tokens. With `recomputes` a kernel keeps the
 * inputs of SwiGLU and computes its output again.
 * Source: arXiv:2412.19437 eq. 12.
 */
export function routedExperts(
  x: tf.Tensor2D,
  { topkIndices, topkWeights }: Routing,
  gateUpProj: tf.Tensor3D,
  downProj: tf.Tensor3D,
  recomputes = false,
): tf.Tensor2D {
  const inputs = { x, topkIndices, topkWeights, gateUpProj, downProj };
  return fusedOp(routedExpertsOp, inputs, { recomputes }, ({ x, topkIndices, topkWeights, gateUpProj, downProj }) => {
    const routing = { topkIndices, topkWeights };
    const isDense = expertDispatch() === 'dense';
    return {
      y: isDense
        ? denseExperts(x, routing, gateUpProj, downProj)
        : expertsByRows(x, routing, gateUpProj, downProj, groupedMatMul),
    };
  }).y;
}
