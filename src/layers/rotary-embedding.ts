// Rotary position tables, with YaRN or position interpolation where the config has it. Shape legend: T positions, R
// rotary channels.

import type { ModelConfig } from '../config/model-config.ts';
import { UserError } from '../errors.ts';
import type { RotaryTables } from '../ops/rotary.ts';
import { tf } from '../tensor/tf.ts';

/**
 * YaRN's attention temperature, `0.1 * mscale * ln(factor) + 1`; a coefficient of 0 gives 1.
 *
 * Source: arXiv:2309.00071 section 3.4.
 */
export function yarnMscale(factor: number, mscale: number): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

/**
 * Angle per position of each rotary pair.
 *
 * With YaRN, pairs that turn often within the original context keep their frequency, slow ones are divided by the
 * factor, and a ramp joins them. The ramp is linear in the channel index, as in the released code; the YaRN paper has
 * it linear in rotations. Position interpolation divides all of them.
 *
 * Source: deepseek-ai/DeepSeek-V3 inference/model.py, precompute_freqs_cis; transformers `_compute_yarn_parameters` and
 * `_compute_linear_scaling_rope_parameters`.
 */
export function rotaryFrequencies(config: ModelConfig): number[] {
  const R = config.qkRopeHeadDim;
  const plain = Array.from({ length: R / 2 }, (_, i) => config.ropeTheta ** ((-2 * i) / R));
  const scaling = config.ropeScaling;
  if (scaling === null) return plain;
  if (scaling.type === 'linear') return plain.map((frequency) => frequency / scaling.factor);
  const pairTurning = (turns: number) =>
    (R * Math.log(scaling.originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) / (2 * Math.log(config.ropeTheta));
  const [first, last] = [pairTurning(scaling.betaFast), pairTurning(scaling.betaSlow)];
  const isWhole = scaling.truncate !== false;
  const low = Math.max(isWhole ? Math.floor(first) : first, 0);
  const high = Math.min(isWhole ? Math.ceil(last) : last, R - 1);
  return plain.map((frequency, i) => {
    const slow = Math.min(Math.max((i - low) / (high === low ? 0.001 : high - low), 0), 1);
    return frequency * (1 - slow) + (frequency / scaling.factor) * slow;
  });
}

/** Factor on attention scores: `1 / sqrt(width)`, times YaRN's temperature squared. F 1.5. */
export function softmaxScale(config: ModelConfig): number {
  const base = (config.qkNopeHeadDim + config.qkRopeHeadDim) ** -0.5;
  const scaling = config.ropeScaling;
  return scaling?.type !== 'yarn' ? base : base * yarnMscale(scaling.factor, scaling.mscaleAllDim) ** 2;
}

/**
 * Factor on cosines and sines. The two temperatures cancel where they are equal; where either is absent, the tables
 * have YaRN's plain one.
 *
 * Source: transformers, `_compute_yarn_parameters`. The released code has no such factor: its temperatures are equal.
 */
export function rotaryAmplitude({ ropeScaling: scaling }: ModelConfig): number {
  if (scaling?.type !== 'yarn') return 1;
  const { factor, mscale, mscaleAllDim, attentionFactor } = scaling;
  if (attentionFactor !== undefined) return attentionFactor;
  if (mscale === 0 || mscaleAllDim === 0) return yarnMscale(factor, 1);
  return yarnMscale(factor, mscale) / yarnMscale(factor, mscaleAllDim);
}

/** Most numbers in a table, 256 MiB: a context of a million tokens at the released model's width. */
const maxTableValues = 2 ** 26;

/**
 * Rotation tables for positions 0 .. length-1; they belong to the caller.
 *
 * @throws UserError for more positions than a table holds.
 */
export function rotaryTables(config: ModelConfig, length: number): RotaryTables {
  const R = config.qkRopeHeadDim;
  if (length * R > maxTableValues) {
    throw new UserError(
      `config: maxPositionEmbeddings (${length}) is more than there is room for; ` +
        `lower it to ${Math.floor(maxTableValues / R)} or less (max_position_embeddings in config.json)`,
    );
  }
  const frequencies = rotaryFrequencies(config);
  const amplitude = rotaryAmplitude(config);
  const pairOf = (channel: number) => (config.ropeInterleave ? channel >> 1 : channel % (R / 2));
  const table = (f: (angle: number) => number) =>
    tf.tensor2d(
      Float32Array.from(
        { length: length * R },
        (_, i) => amplitude * f(Math.floor(i / R) * frequencies[pairOf(i % R)]!),
      ),
      [length, R],
    );
  return { cos: table(Math.cos), sin: table(Math.sin), partner: partnerMatrix(R, config.ropeInterleave) };
}

/** Row i, column j: how much channel i of the input adds to channel j of the input turned by 90 degrees. */
function partnerMatrix(R: number, interleave: boolean): tf.Tensor2D {
  const values = new Float32Array(R * R);
  for (let pair = 0; pair < R / 2; pair++) {
    const [a, b] = interleave ? [2 * pair, 2 * pair + 1] : [pair, pair + R / 2];
    values[b * R + a] = -1;
    values[a * R + b] = 1;
  }
  return tf.tensor2d(values, [R, R]);
}
