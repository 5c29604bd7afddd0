// Which layers a stage of a pipeline has.

import type { ModelConfig } from '../../config/model-config.ts';

/**
 * The decoder layers `from` to `to - 1`. Stage 0 has the embedding besides, the last one the head and the MTP modules.
 */
export interface StageLayers {
  readonly from: number;
  readonly to: number;
}

/**
 * Runs of layers as equal as can be, in order; the first stages have one more where they do not divide, since the last
 * one has the head and the MTP modules.
 *
 * Example: 5 layers in 3 stages: 0-1, 2-3, 4.
 */
export function splitLayers(layers: number, stages: number): StageLayers[] {
  const [least, more] = [Math.floor(layers / stages), layers % stages];
  const start = (stage: number) => stage * least + Math.min(stage, more);
  return Array.from({ length: stages }, (_, stage) => ({ from: start(stage), to: start(stage + 1) }));
}

/** The MTP depths that run on rows of `seqLen` tokens. */
export function depthsOf({ numNextnPredictLayers }: ModelConfig, seqLen: number): number {
  return Math.min(numNextnPredictLayers, seqLen - 1);
}

/** MoE layers that run in a training pass, those of MTP modules included. */
export function moeLayersOf(config: ModelConfig, seqLen: number): number {
  const layers = config.numHiddenLayers + depthsOf(config, seqLen);
  return Math.max(0, layers - config.firstKDenseReplace);
}
