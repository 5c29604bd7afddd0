// The forward pass of one stage on one micro-batch, which can be differentiated later.
// Shape legend: B rows, T tokens, D hiddenSize, E experts.

import type { ModelConfig } from '../../config/model-config.ts';
import { attendWithin } from '../../model/attend-within.ts';
import type { RoutingRecord } from '../../moe/moe.ts';
import { packVector } from '../../ops/pack-vector.ts';
import type { RotaryTables } from '../../ops/rotary.ts';
import { countSelections } from '../../ops/router.ts';
import { noGrad } from '../../tensor/no-grad.ts';
import { type Pullback, pullback } from '../../tensor/pullback.ts';
import { tf } from '../../tensor/tf.ts';
import { type PassSettings, weighTotal } from '../../train/accumulate.ts';
import {
  balanceFactor,
  type LossInput,
  labelLoss,
  labelsOf,
  labelTerm,
  layerBalanceLoss,
  meanBalance,
} from '../../train/loss.ts';
import type { HeldStage } from './held-stages.ts';
import { depthsOf, moeLayersOf } from './stage-layers.ts';

/** What the stages of a rank share. */
export interface StageContext {
  readonly config: ModelConfig;
  readonly rotary: RotaryTables;
}

/** A micro-batch and the weights of its losses. */
export interface MicroBatch {
  readonly input: LossInput;
  readonly settings: PassSettings;
}

/** What a stage is given by those before it: nothing for stage 0. */
export interface StageInputs {
  /** Of the stage before [B, T, D]. */
  readonly hidden: tf.Tensor3D | null;
  /** The embeddings [B, T, D], which the MTP modules of the last stage read; null where it has none, or is stage 0. */
  readonly embedded: tf.Tensor3D | null;
}

/** What a stage gives; what it has not is left out. */
export interface StageOutputs {
  /** For the next stage. */
  readonly hidden?: tf.Tensor3D;
  /** Of stage 0, for the last one. */
  readonly embedded?: tf.Tensor3D;
  /** The losses of the stage: its balance losses, and in the last stage those of labels. */
  readonly loss?: tf.Scalar;
}

/** The losses that a stage computed, without weights, and what its routers did. */
export interface StageFindings {
  /** Main loss and one for each MTP depth; empty but in the last stage. */
  readonly labelLosses: readonly number[];
  readonly layers: readonly { readonly layer: number; readonly balance: number; readonly counts: readonly number[] }[];
}

export interface StagePass {
  readonly pass: Pullback<StageOutputs>;
  readonly findings: StageFindings;
}

/**
 * Runs a stage on a micro-batch. The loss of a stage is its part of the total of the whole model: with a gradient of 1
 * for it, and the gradients that the stages after it send, every gradient has the bits that it has in one pass.
 *
 * Ownership: inputs stay the caller's; outputs belong to the caller.
 */
export function forwardStage(
  stage: HeldStage,
  { input, settings }: MicroBatch,
  { hidden, embedded }: StageInputs,
  { config, rotary }: StageContext,
): StagePass {
  const T = input.ids.shape[1] - 1;
  let packed: tf.Tensor1D | undefined;
  let layers: readonly number[] = [];
  const given = [hidden, embedded].filter((tensor) => tensor !== null);
  const pass = pullback(
    (): StageOutputs => {
      const own = stage.embedding?.apply(inputsOf(input.ids)) ?? null;
      const routing: RoutingRecord[] = [];
      let last = own ?? hidden!;
      for (const block of stage.blocks) {
        const out = block.apply(last, attendWithin(rotary, T, input.documentIds));
        if (out.routing !== null) routing.push(out.routing);
        last = out.hidden;
      }
      const labelled =
        stage.head === null ? [] : readHidden(stage, last, own ?? embedded, routing, input, T, config, rotary);
      const losses = labelled.map((h, depth) => labelLoss(h, stage.head!.weight, labelsOf(input, depth)));
      const balances = routing.map((record) => layerBalanceLoss(record, config, settings.balancing));
      packed = tf.keep(pack(losses, balances, routing, config));
      layers = routing.map(({ layer }) => layer);
      const loss = stageLoss(losses, balances, moeLayersOf(config, T), settings);
      return {
        ...(stage.head === null ? { hidden: last } : {}),
        ...(own !== null && stage.head === null && depthsOf(config, T) > 0 ? { embedded: own } : {}),
        ...(loss === null ? {} : { loss }),
      };
    },
    given,
    [...stage.parameters.values()],
  );
  const depths = stage.head === null ? 0 : 1 + depthsOf(config, T);
  return { pass, findings: unpack(packed!, depths, layers, config.nRoutedExperts) };
}

/** All ids of a row but the last: [B, T+1] -> [B, T]. */
function inputsOf(ids: tf.Tensor2D): tf.Tensor2D {
  const [B, length] = ids.shape;
  return tf.slice(ids, [0, 0], [B, length - 1]);
}

/** What the head reads, of the main model and of each MTP depth. */
function readHidden(
  { head, mtp }: HeldStage,
  last: tf.Tensor3D,
  embedded: tf.Tensor3D | null,
  routing: RoutingRecord[],
  { documentIds }: LossInput,
  T: number,
  config: ModelConfig,
  rotary: RotaryTables,
): tf.Tensor3D[] {
  let { hidden, start } = head!.apply(last);
  const all = [hidden];
  for (const stage of mtp.slice(0, depthsOf(config, T))) {
    const out = stage.predict(start, embedded!, attendWithin(rotary, T - stage.depth, documentIds));
    if (out.routing !== null) routing.push(out.routing);
    ({ hidden, start } = out);
    all.push(hidden);
  }
  return all;
}

/** The part of the total that a stage computes; null for one without MoE layers and head. */
function stageLoss(
  [main, ...mtp]: readonly tf.Scalar[],
  balances: readonly tf.Scalar[],
  layers: number,
  settings: PassSettings,
): tf.Scalar | null {
  const terms = [
    ...(main === undefined ? [] : [labelTerm(main, mtp, settings)]),
    ...(balances.length === 0
      ? []
      : [tf.mul<tf.Scalar>(meanBalance(balances, layers), balanceFactor(layers, settings))]),
  ];
  const [first, second] = terms;
  if (first === undefined) return null;
  const total: tf.Scalar = second === undefined ? first : tf.add(first, second);
  return weighTotal(total, main === undefined ? [] : [main, ...mtp], settings);
}

/** Losses and selections in one tensor, off the tape: [one per label loss, then for each MoE layer 1 + E]. */
function pack(
  losses: readonly tf.Scalar[],
  balances: readonly tf.Scalar[],
  routing: readonly RoutingRecord[],
  { nRoutedExperts }: ModelConfig,
): tf.Tensor1D {
  return noGrad(() => {
    const counts = routing.map(({ topkIndices }) => countSelections(topkIndices, nRoutedExperts));
    return packVector([tf.zeros([1]), ...losses, ...balances.flatMap((balance, i) => [balance, counts[i]!])]);
  });
}

function unpack(packed: tf.Tensor1D, losses: number, layers: readonly number[], E: number): StageFindings {
  const [, ...values] = packed.dataSync<'float32'>();
  packed.dispose();
  return {
    labelLosses: values.slice(0, losses),
    layers: layers.map((layer, i) => {
      const at = losses + i * (E + 1);
      return { layer, balance: values[at]!, counts: values.slice(at + 1, at + 1 + E) };
    }),
  };
}
