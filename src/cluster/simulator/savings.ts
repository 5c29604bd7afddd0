// What the memory savings of the report bring on one GPU of its cluster (arXiv:2412.19437 sections 3.2.3 and 3.3.3).
//
// Reckoned, not measured. What is assumed beyond `rankMemory`, whose numbers all savings together give:
// - Without a saving its tensors are kept in BF16, once each, and the moments and the average in float32.
// - Optimizer states and the average are shared out like the moments (ZeRO-1); averages follow the master weights.
// - A second embedding and output head, which MTP needs where it is not on the rank of the main model's, are whole on
//   their rank: BF16 weights and float32 gradients, and a share of master weights and moments.
// Legend: D hiddenSize, Q qLoraRank, C kvLoraRank, H heads, P qkNopeHeadDim, R qkRopeHeadDim, V vHeadDim, F width of an
// expert, K experts per token, S shared experts.

import type { ModelConfig } from '../../config/model-config.ts';
import type { Layout } from '../layout.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { activationBytes, expertLayers, parameterSplit } from './work.ts';

/** Bytes of one GPU that each saving is about, without it and with it, each on top of those above it. */
export interface MemorySaving {
  readonly what: string;
  readonly without: number;
  readonly with: number;
}

/** Bytes that a token leaves in all layers with everything in BF16: all that is read again, or all but what is made again. */
function wideBytes(config: ModelConfig, recomputes: boolean): number {
  const { hiddenSize: D, numAttentionHeads: H, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V } = config;
  const { qLoraRank, kvLoraRank: C, numExpertsPerTok: K, nSharedExperts: S, moeIntermediateSize: F } = config;
  const { intermediateSize, firstKDenseReplace } = config;
  const Q = qLoraRank ?? D;
  const norms = D + Q + C;
  const upProjections = (qLoraRank === null ? 0 : H * (P + R)) + H * (P + V);
  const attention = D + Q + C + R + H * V + (recomputes ? 0 : norms + upProjections);
  const mixture = D + 2 * F * S + K * (D + 2 * F) + (recomputes ? 0 : (S + K) * F);
  const dense = D + 2 * intermediateSize + (recomputes ? 0 : intermediateSize);
  const experts = expertLayers(config);
  return 2 * ((experts + firstKDenseReplace) * attention + experts * mixture + firstKDenseReplace * dense);
}

/** `peak`: as for `rankMemory`. */
export function memorySavings(
  model: ModelConfig,
  { ep, dp }: Layout,
  { held, stages }: Schedule,
  seqLen: number,
  peak: number,
): MemorySaving[] {
  const { routed, others } = parameterSplit(model);
  const share = held[0]!.length / stages;
  const sharded = (routed / ep / dp + others / (ep * dp)) * share;
  const copies = 2 * model.vocabSize * model.hiddenSize;
  const activations = (bytesPerToken: number) => (peak * seqLen * bytesPerToken) / stages;
  const [all, recomputed] = [wideBytes(model, false), wideBytes(model, true)];
  return [
    { what: 'recomputation', without: activations(all), with: activations(recomputed) },
    { what: 'activations in FP8', without: activations(recomputed), with: activations(activationBytes(model)) },
    { what: 'moments in BF16', without: 2 * 4 * sharded, with: 2 * 2 * sharded },
    { what: 'average on the CPU', without: 4 * sharded, with: 0 },
    { what: 'shared embedding and head', without: copies * (2 + 4 + 8 / (ep * dp)), with: 0 },
  ];
}
