// What a training costs: table 1 of the report, and the same for other models, from assumptions that are all here.
//
// The report gives four numbers (section 1 and table 1): 180 K H800 GPU hours a trillion tokens of pre-training, 119 K
// for the extension of the context, 5 K for post-training, 2 dollars an hour. Another model is charged by its
// arithmetic:
// hours in proportion to the FLOPs of training, as if the cluster reached with it the share of its peak that it reached
// with DeepSeek-V3. It would reach less with a small one.

import { countParameters } from '../config/counts.ts';
import { deepseekV3 } from '../config/model-presets.ts';
import type { ModelConfig } from '../config/model-config.ts';
import { UserError } from '../errors.ts';

/** What the report says of DeepSeek-V3. */
export const reported = {
  gpuHoursPerTrillionTokens: 180_000,
  pretrainingTokens: 14.8e12,
  contextExtensionGpuHours: 119_000,
  postTrainingGpuHours: 5_000,
  gpuHourPrice: 2,
  gpus: 2048,
  /** Tokens of a sequence in pre-training. */
  seqLen: 4096,
  /** The two stages of the extension: 1,000 steps each, of as many tokens as a step of pre-training has (F 6.5). */
  contextExtension: [
    { seqLen: 32_768, sequences: 1920, steps: 1000 },
    { seqLen: 131_072, sequences: 480, steps: 1000 },
  ],
} as const;

export interface CostPart {
  readonly gpuHours: number;
  readonly dollars: number;
}

export interface TrainingCost {
  readonly preTraining: CostPart;
  readonly contextExtension: CostPart;
  readonly postTraining: CostPart;
  readonly total: CostPart;
  readonly tokens: number;
  readonly gpuHourPrice: number;
  readonly gpus: number;
  readonly gpuHoursPerTrillionTokens: number;
  /** Of pre-training, on all the GPUs. */
  readonly days: number;
  readonly daysPerTrillionTokens: number;
  /** FLOPs of training per token (forward and backward, 6 * parameters and attention) and per second of a GPU. */
  readonly flopsPerToken: number;
  readonly flopsPerGpuSecond: number;
  /** What the numbers rest on, in sentences. */
  readonly assumptions: readonly string[];
}

export interface CostOptions {
  /** Tokens of pre-training. */
  readonly tokens?: number;
  /** Dollars for an hour of a GPU. */
  readonly gpuHourPrice?: number;
  readonly gpus?: number;
}

/** FLOPs of the whole extension of the context. */
function extensionFlops(model: ModelConfig): number {
  return reported.contextExtension.reduce(
    (sum, { seqLen, sequences, steps }) =>
      sum + seqLen * sequences * steps * countParameters(model, seqLen).flopsPerToken,
    0,
  );
}

/**
 * What the training of a model costs in GPU hours and dollars.
 *
 * For DeepSeek-V3 without options, the cells of table 1. `tokens` changes pre-training alone.
 *
 * @throws {UserError} for amounts that are none
 */
export function trainingCost(model: ModelConfig, options: CostOptions = {}): TrainingCost {
  const { tokens = reported.pretrainingTokens, gpuHourPrice = reported.gpuHourPrice, gpus = reported.gpus } = options;
  for (const [name, value] of Object.entries({ tokens, 'price of a GPU hour': gpuHourPrice, gpus })) {
    if (!(Number.isFinite(value) && value > 0))
      throw new UserError(`cost: ${name}: expected a number above 0, found ${value}`);
  }
  const { flopsPerToken } = countParameters(model, reported.seqLen);
  const own = countParameters(deepseekV3, reported.seqLen).flopsPerToken;
  const ratio = flopsPerToken / own;
  const perTrillion = reported.gpuHoursPerTrillionTokens * ratio;
  const part = (gpuHours: number): CostPart => ({ gpuHours, dollars: gpuHours * gpuHourPrice });
  const hours = {
    preTraining: (perTrillion * tokens) / 1e12,
    contextExtension: reported.contextExtensionGpuHours * (extensionFlops(model) / extensionFlops(deepseekV3)),
    postTraining: reported.postTrainingGpuHours * ratio,
  };
  return {
    preTraining: part(hours.preTraining),
    contextExtension: part(hours.contextExtension),
    postTraining: part(hours.postTraining),
    total: part(hours.preTraining + hours.contextExtension + hours.postTraining),
    tokens,
    gpuHourPrice,
    gpus,
    gpuHoursPerTrillionTokens: perTrillion,
    days: hours.preTraining / gpus / 24,
    daysPerTrillionTokens: perTrillion / gpus / 24,
    flopsPerToken,
    flopsPerGpuSecond: (own * 1e12) / (reported.gpuHoursPerTrillionTokens * 3600),
    assumptions: assumptions(ratio),
  };
}

function assumptions(ratio: number): string[] {
  const { gpuHoursPerTrillionTokens, contextExtensionGpuHours, postTrainingGpuHours } = reported;
  const given =
    `The report: ${gpuHoursPerTrillionTokens / 1000}K GPU hours a trillion tokens of pre-training, ` +
    `${contextExtensionGpuHours / 1000}K for context extension (two stages of 1,000 steps), ` +
    `${postTrainingGpuHours / 1000}K for post-training; earlier research and ablations are not included.`;
  if (ratio === 1) return [given];
  return [
    given,
    `This model needs ${Number((ratio * 100).toPrecision(3))} % of the FLOPs per token of DeepSeek-V3 and is charged in ` +
      'proportion, as if the same cluster were as busy with it; a small model keeps it less busy and costs more.',
  ];
}
