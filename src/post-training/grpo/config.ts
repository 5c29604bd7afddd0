// The settings of GRPO, besides those that every training run has.

import { defaultTrainConfig } from '../../config/train-presets.ts';
import type { TrainConfig } from '../../config/train-config.ts';
import { UserError } from '../../errors.ts';
import type { AdvantageKind } from './advantages.ts';
import type { MeanOver, RatioLevel } from './loss.ts';

/**
 * Sources of the defaults: DeepSeekMath (arXiv:2402.03300 sec. 4.2) for beta, one update for each batch of answers, and
 * the level of tokens; the report (arXiv:2412.19437) gives no values. A clip of 0.2 is what the field uses.
 */
export interface GrpoConfig {
  /** Problems of a step. */
  readonly prompts: number;
  /** Answers to each problem. */
  readonly group: number;
  /** Most tokens of an answer, the end token included. */
  readonly maxNewTokens: number;
  readonly temperature: number;
  /** epsilon of the clip. */
  readonly clip: number;
  /** The weight of the divergence from the model that the run started from; 0 keeps no reference in memory. */
  readonly beta: number;
  readonly level: RatioLevel;
  readonly advantage: AdvantageKind;
  readonly meanOver: MeanOver;
  /** Updates that the answers of a step are divided over; with one, every ratio is 1 and the clip does nothing. */
  readonly updates: number;
}

export const defaultGrpoConfig: Omit<GrpoConfig, 'maxNewTokens'> = {
  prompts: 16,
  group: 8,
  temperature: 1,
  clip: 0.2,
  beta: 0.04,
  level: 'token',
  advantage: 'group',
  meanOver: 'answer',
  updates: 1,
};

const { tokenizer: _, ...textDefaults } = defaultTrainConfig;

/**
 * Training settings for reinforcement learning: a small constant rate without warm-up or weight decay. The balancing
 * biases stay as they are and the MTP modules are left alone; `expertBiasUpdateSpeed` and `mtpLossWeight` above 0 let
 * the biases move and train the modules along.
 */
export const defaultGrpoTrain: Omit<TrainConfig, 'tokenizer'> = {
  ...textDefaults,
  steps: 40,
  learningRate: 5e-4,
  lrSchedule: 'constant',
  warmupFraction: 0,
  weightDecay: 0,
  expertBiasUpdateSpeed: 0,
  balanceLossFactor: 0,
  mtpLossWeight: 0,
  mtpLossWeightFinal: 0,
  evalEvery: 0,
  checkpointEvery: 20,
};

type Rule = readonly [isValid: (value: number) => boolean, what: string];

const wholeFrom = (least: number): Rule => [
  (value) => Number.isInteger(value) && value >= least,
  `a whole number from ${least} on`,
];

const rules: Readonly<Record<string, Rule>> = {
  prompts: wholeFrom(1),
  group: wholeFrom(2),
  maxNewTokens: wholeFrom(1),
  temperature: [(value) => value > 0 && value < Number.POSITIVE_INFINITY, 'above 0'],
  clip: [(value) => value > 0 && value < Number.POSITIVE_INFINITY, 'above 0'],
  beta: [(value) => value >= 0 && value < Number.POSITIVE_INFINITY, '0 or more'],
  updates: wholeFrom(1),
};

/** @throws {UserError} that names the first setting that is not possible. */
export function validateGrpoConfig(config: GrpoConfig): GrpoConfig {
  for (const [key, [isValid, what]] of Object.entries(rules)) {
    const value: unknown = config[key as keyof GrpoConfig];
    if (typeof value === 'number' && isValid(value)) continue;
    throw new UserError(`grpo: ${key} must be ${what}; found ${String(value)}`);
  }
  if (config.advantage === 'critic' && config.level === 'sequence') {
    throw new UserError('grpo: a critic gives each token an advantage of its own; take --level token with it');
  }
  return config;
}
