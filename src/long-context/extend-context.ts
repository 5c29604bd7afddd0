// A longer context for a model that has been trained at a shorter one. No weight changes: only the frequencies of the
// rotary part of queries and keys, and with YaRN the temperature of the attention scores, do.
//
// The betas are those of the released model. Betas scaled to a short window made no difference once tuned: within 64
// tokens only the fastest pairs turn even once, so there is almost nothing for `betaFast` to protect.

import type { ModelConfig, RopeScaling } from '../config/model-config.ts';
import { validateModelConfig } from '../config/validate.ts';
import { UserError } from '../errors.ts';
import { DeepseekV3ForCausalLM } from '../model/causal-lm.ts';

export interface ContextExtension {
  /** How many times longer the context becomes; more than 1. */
  readonly factor: number;
  /** YaRN, or position interpolation as a control; absent: `yarn`. */
  readonly type?: RopeScaling['type'];
  /**
   * The length that the model was trained at, in tokens; absent: `maxPositionEmbeddings`. A model that is extended
   * already keeps the length of before its first extension.
   */
  readonly trainedLength?: number;
}

/** The length that the model was trained at before any extension, and how many times longer its context is by now. */
function standing(config: ModelConfig, trainedLength: number | undefined): { original: number; factor: number } {
  const { ropeScaling, maxPositionEmbeddings } = config;
  if (ropeScaling === null) return { original: trainedLength ?? maxPositionEmbeddings, factor: 1 };
  return { original: ropeScaling.originalMaxPositionEmbeddings, factor: ropeScaling.factor };
}

/** The length from which `extendContext` extends, in tokens. */
export function contextLength(config: ModelConfig, trainedLength?: number): number {
  const { original, factor } = standing(config, trainedLength);
  return Math.round(original * factor);
}

/**
 * The shape of the same model with a context `factor` times as long.
 *
 * YaRN is that of the released code: betas 32 and 1, both temperature coefficients 1. A model that YaRN has extended
 * already is extended by the product of both factors, from its original length: YaRN is not applied to its own result.
 *
 * Example: trained at 64 tokens, factor 4: `maxPositionEmbeddings` 256, `ropeScaling.factor` 4. Extended by 2 again:
 * 512 and 8, both times from 64.
 *
 * @throws {UserError} for a factor that is not above 1, a length that is no whole number, and a model that was extended
 * in the other way.
 * Source: arXiv:2412.19437 section 4.3; arXiv:2309.00071 (YaRN); arXiv:2306.15595 (position interpolation).
 */
export function extendContext(config: ModelConfig, extension: ContextExtension): ModelConfig {
  const { factor, type = 'yarn', trainedLength } = extension;
  if (!(factor > 1 && Number.isFinite(factor))) {
    throw new UserError(
      `extend: the factor is how many times longer the context becomes, above 1, found ${factor}; try 4`,
    );
  }
  const before = config.ropeScaling;
  if (before !== null && before.type !== type) {
    const names = { yarn: 'YaRN', linear: 'position interpolation' };
    throw new UserError(
      `extend: the model has been extended by ${names[before.type]} already, which ${names[type]} cannot go on from; ` +
        `take type ${before.type}, or the model from before that extension`,
    );
  }
  const from = standing(config, trainedLength);
  const total = from.factor * factor;
  const longest = from.original * total;
  if (Math.abs(longest - Math.round(longest)) > 1e-6 * longest) {
    const length = contextLength(config, trainedLength);
    throw new UserError(
      `extend: ${factor} times ${length} tokens is no whole number of them; try the factor ` +
        `${Math.round(factor * length) / length}`,
    );
  }
  return validateModelConfig({
    ...config,
    maxPositionEmbeddings: Math.round(longest),
    ropeScaling: scalingOf(before, type, total, from.original),
  });
}

function scalingOf(
  before: RopeScaling | null,
  type: RopeScaling['type'],
  factor: number,
  original: number,
): RopeScaling {
  const common = { factor, originalMaxPositionEmbeddings: original };
  if (type === 'linear') return { type, ...common };
  const released = { betaFast: 32, betaSlow: 1, mscale: 1, mscaleAllDim: 1 };
  return { type, ...released, ...(before?.type === 'yarn' ? before : {}), ...common };
}

/**
 * A copy of the model with a longer context, not tuned yet: see `extendContext`.
 *
 * Ownership: both models belong to the caller; their weights are separate.
 *
 * @throws {UserError} as `extendContext` does.
 */
export async function extendModel(
  model: DeepseekV3ForCausalLM,
  extension: ContextExtension,
): Promise<DeepseekV3ForCausalLM> {
  const extended = new DeepseekV3ForCausalLM(extendContext(model.config, extension), 0);
  extended.importTensors(await model.exportTensors());
  return extended;
}

/**
 * The lengths that the stages of an extension train at: in equal ratios, the last one `factor` times the length from
 * before. The report trains at 8 and 32 times its 4,096 tokens under one factor of 40 (section 4.3).
 *
 * Example: 64 tokens, factor 16, two stages: 256 and 1,024.
 *
 * @throws {UserError} for more stages than there are lengths.
 */
export function stageLengths(length: number, factor: number, stages: number): number[] {
  const lengths = Array.from({ length: stages }, (_, i) =>
    i === stages - 1 ? Math.round(length * factor) : length * Math.round(factor ** ((i + 1) / stages)),
  );
  if (lengths.every((own, i) => own > (lengths[i - 1] ?? length))) return lengths;
  throw new UserError(
    `extend: ${stages} stages do not fit between ${length} and ${Math.round(length * factor)} tokens; ` +
      'take fewer stages, or name their lengths',
  );
}
