// What a rank keeps in memory while it trains.

import type { ModelConfig } from '../../config/model-config.ts';
import type { Layout } from '../layout.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { activationBytes, parameterSplit } from './work.ts';

/** In bytes. */
export interface MemoryOfRank {
  /** Parameters in BF16, all stages that the rank holds. */
  readonly parameters: number;
  /** Gradients in float32, summed over micro-batches. */
  readonly gradients: number;
  /** This rank's part of the optimizer: master weights in float32, two moments in BF16 (report 3.3.2). */
  readonly optimizer: number;
  /** At the peak. */
  readonly activations: number;
  readonly total: number;
}

/**
 * `peak`: the most chunks whose activations the rank holds at once. The report's savings are taken for granted, except
 * that embedding and output head are shared out among the stages like the layers.
 */
export function rankMemory(
  model: ModelConfig,
  { ep, dp }: Layout,
  { held, stages }: Schedule,
  seqLen: number,
  peak: number,
): MemoryOfRank {
  const { routed, others } = parameterSplit(model);
  const share = held[0]!.length / stages; // of the model, on a rank
  const own = share * (routed / ep + others);
  const sharded = (routed / ep / dp + others / (ep * dp)) * share;
  const parts = {
    parameters: 2 * own,
    gradients: 4 * own,
    optimizer: (4 + 2 + 2) * sharded,
    activations: (peak * seqLen * activationBytes(model)) / stages,
  };
  return { ...parts, total: Object.values(parts).reduce((sum, bytes) => sum + bytes, 0) };
}
