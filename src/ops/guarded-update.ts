// The updates of an optimizer step, for a backend that decides by itself whether they are made. The host then need not
// look at the numbers of a step before it asks for the next one.
//
// Whether the updates are made is told by the factor of the gradients: a negative one says that nothing changes.
// Shape legend: P numbers of a report, L layers, E experts.

import { ownData } from '../tensor/own-data.ts';
import type { tf } from '../tensor/tf.ts';
import { type AdamWTarget, adamwItems } from './adamw-update.ts';
import { attributes } from './define-op.ts';
import type { EmaTarget } from './ema-update.ts';
import { hasKernel } from './kernels.ts';
import { defineListOp, runListKernel } from './list-op.ts';

/** A kernel writes to `held`; its items are none. */
export const updateGuardOp = defineListOp({
  name: 'UpdateGuard',
  inputs: { norm: '', report: 'P', held: '' },
  item: [],
  attrs: attributes<{ readonly maxNorm: number }>(),
  outputs: { scale: '' },
});

/** `factors`: those of `AdamWUpdate`, in the order of `adamwFactors`. */
export const guardedAdamwOp = defineListOp({
  name: 'GuardedAdamWUpdate',
  inputs: { scale: '', factors: '7' },
  item: ['parameter', 'gradient', 'expAvg', 'expAvgSq'],
  attrs: attributes<{ readonly decayed: number }>(),
  outputs: {},
});

export const guardedEmaOp = defineListOp({
  name: 'GuardedEmaUpdate',
  inputs: { scale: '' },
  item: ['average', 'parameter'],
  attrs: attributes<{ readonly rest: number }>(),
  outputs: {},
});

/** How a balancing bias moves; see `ExpertBiasUpdate`. */
export interface BiasRule {
  readonly speed: number;
  readonly rule: 'sign' | 'proportional';
  readonly form: 'additive' | 'multiplicative';
  readonly recenter: boolean;
}

export const guardedBiasOp = defineListOp({
  name: 'GuardedBiasUpdate',
  inputs: { scale: '', counts: 'L E' },
  item: ['bias'],
  attrs: attributes<BiasRule>(),
  outputs: {},
});

/** Whether the active backend has these kernels. */
export const canGuardUpdates = (): boolean => hasKernel(updateGuardOp);

/**
 * The factor that brings gradients of this norm down to `maxNorm` (see `clipScale`), or -1 where updates are held back:
 * where the norm or the first number of the report, which is the loss, is not finite, and from then on until somebody
 * sets `held` back to 0.
 *
 * Ownership: the scalar belongs to the caller.
 */
export function guardUpdates(
  norm: tf.Scalar,
  report: tf.Tensor1D,
  held: tf.Variable<tf.Rank.R0>,
  maxNorm: number,
): tf.Scalar {
  return runListKernel(updateGuardOp, { norm, report, held }, [], { maxNorm }).scale;
}

/** As `adamwUpdate`, with its factors in a tensor [7]. */
export function guardedAdamw(targets: readonly AdamWTarget[], scale: tf.Scalar, factors: tf.Tensor1D): void {
  const { items, decayed } = adamwItems(targets);
  runListKernel(guardedAdamwOp, { scale, factors }, items, { decayed });
}

/** As `emaUpdate`. */
export function guardedEma(targets: readonly EmaTarget[], decay: number, scale: tf.Scalar): void {
  for (const { average } of targets) ownData(average);
  runListKernel(guardedEmaOp, { scale }, targets, { rest: 1 - decay });
}

/**
 * Moves the bias of each layer by its row of `counts`, as `updateExpertBias` does, in float32 where that has float64.
 *
 * Shapes: biases [E] of L layers, counts [L, E].
 */
export function guardedBias(
  biases: readonly tf.Variable[],
  counts: tf.Tensor2D,
  scale: tf.Scalar,
  rule: BiasRule,
): void {
  for (const bias of biases) ownData(bias);
  runListKernel(
    guardedBiasOp,
    { scale, counts },
    biases.map((bias) => ({ bias })),
    rule,
  );
}
