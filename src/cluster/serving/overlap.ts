// What two micro-batches beside each other save when serving, for DeepSeek-V3 on the report's GPUs.
//
// Prefill (report 3.4.1): attention and experts of one micro-batch run beside dispatch and combine of the other. Decode
// (3.4.2): attention of one runs beside dispatch, experts and combine of the other. A layer of both then takes twice
// the
// longer of the two, instead of twice their sum.
//
// Assumed: 16,384 tokens of prompts of 4,096 a GPU, and 128 requests of 4,096 tokens a GPU, as in the public profiles
// (deepseek-ai/profile-data); in decode each token goes to 9 GPUs straight over InfiniBand, and attention and experts
// take as long as it takes to read the cache (BF16) and the weights (FP8) from memory, at the 3.35 TB/s of the data
// sheet.
// The busiest GPU, as the trace has it, is waited for by all.

import { deepseekV3 } from '../../config/model-presets.ts';
import { countParameters } from '../../config/counts.ts';
import { h800 } from '../simulator/hardware.ts';
import { countTraffic, uniformChoices } from '../simulator/traffic.ts';
import { forwardWork, hiddenStateBytes } from '../simulator/work.ts';
import type { Phase } from './unit.ts';

/** Seconds of a layer for the whole batch of a GPU. */
export interface OverlapTimes {
  /**
   * The two parts that run side by side: attention and experts, dispatch and combine; in decode, attention and the
   * rest.
   */
  readonly parts: readonly [number, number];
  /** A single batch, one thing after the other. */
  readonly one: number;
  /** Two micro-batches of half the tokens, beside each other. */
  readonly two: number;
}

const sequence = 4096;
const promptTokens = 16_384;
const requests = 128;
const memoryBytesPerSecond = 3.35e12;

/** `imbalance`: the load of the busiest GPU as a multiple of the mean. */
export function overlapTimes(phase: Phase, imbalance: number): OverlapTimes {
  const sent = hiddenStateBytes(deepseekV3, 'fp8') + hiddenStateBytes(deepseekV3, 'bf16');
  return phase === 'prefill' ? prefillTimes(imbalance, sent) : decodeTimes(imbalance, sent);
}

function prefillTimes(imbalance: number, sent: number): OverlapTimes {
  const model = { ...deepseekV3, numNextnPredictLayers: 0 };
  const { linear, routed, attention } = forwardWork(model, sequence);
  const { fp8Flops, bf16Flops, efficiency, infiniband } = h800;
  const perToken = (linear + routed * (imbalance - 1)) / fp8Flops / efficiency + attention / bf16Flops / efficiency;
  const { infinibandCopies } = countTraffic(uniformChoices(model, sequence), {
    experts: 256,
    ranks: 32,
    gpusPerNode: 8,
  });
  const computation = (promptTokens * perToken) / model.numHiddenLayers;
  const communication = (promptTokens * infinibandCopies * sent * imbalance) / infiniband;
  return together([computation, communication], [computation, communication]);
}

function decodeTimes(imbalance: number, sent: number): OverlapTimes {
  const { hiddenSize, moeIntermediateSize, numExpertsPerTok, nSharedExperts } = deepseekV3;
  const { kvCacheElementsPerTokenPerLayer } = countParameters(deepseekV3);
  const cache = (requests * sequence * 2 * kvCacheElementsPerTokenPerLayer) / memoryBytesPerSecond;
  // The weights of the one expert of the GPU are read for each micro-batch, however few tokens there are.
  const experts = (3 * hiddenSize * moeIntermediateSize) / memoryBytesPerSecond;
  const copies = numExpertsPerTok + nSharedExperts;
  const communication = (requests * copies * sent * imbalance) / h800.infiniband;
  return together([cache, communication + experts], [cache, communication + 2 * experts]);
}

/** `halves`: the parts of both micro-batches together. */
function together(parts: readonly [number, number], halves: readonly [number, number]): OverlapTimes {
  return { parts, one: parts[0] + parts[1], two: Math.max(...halves) };
}
