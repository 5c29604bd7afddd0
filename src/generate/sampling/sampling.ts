// How the next token is chosen from its logits: the options, their valid values, and the order in which they act.
//
// The order is that of transformers' `generate`: repetition penalty, temperature, top-k, top-p, min-p. Each filter
// looks at the probabilities that the one before it left, scaled to a sum of 1.

import { UserError } from '../../errors.ts';

export interface SamplingOptions {
  /** 0 takes the most likely token every time. */
  readonly temperature: number;
  /** Choose among this many of the most likely tokens; 0 means all. */
  readonly topK: number;
  /** Choose among the most likely tokens that together have at least this probability; 1 means all. */
  readonly topP: number;
  /** Choose among tokens at least this many times as likely as the best; 0 means all. */
  readonly minP: number;
  /**
   * Divides the positive logits of tokens that the text has already, and multiplies negative ones; 1 changes nothing.
   */
  readonly repetitionPenalty: number;
  /** Same seed, same model, same prompt: same text, whatever else runs beside it. */
  readonly seed: number;
}

/** What the samples of a training run are drawn with. */
export const defaultSampling: SamplingOptions = {
  temperature: 0.8,
  topK: 40,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  seed: 0,
};

/** Which values each option may have, and what is said otherwise. */
export const samplingRules: Readonly<
  Record<keyof SamplingOptions, readonly [isValid: (value: number) => boolean, rule: string]>
> = {
  temperature: [(value) => value >= 0, '0 (the most likely token every time) or more'],
  topK: [(value) => Number.isInteger(value) && value >= 0, 'a whole number of tokens, or 0 for all'],
  topP: [(value) => value > 0 && value <= 1, 'above 0 and at most 1'],
  minP: [(value) => value >= 0 && value <= 1, 'from 0 to 1'],
  repetitionPenalty: [(value) => value > 0, 'above 0, where 1 changes nothing'],
  seed: [Number.isSafeInteger, 'a whole number'],
};

/** @throws UserError that names the first invalid option. */
export function validateSampling(options: SamplingOptions): void {
  for (const key of Object.keys(samplingRules) as (keyof SamplingOptions)[]) {
    const [isValid, rule] = samplingRules[key];
    if (Number.isFinite(options[key]) && isValid(options[key])) continue;
    throw new UserError(`sampling: ${key} must be ${rule}; found ${options[key]}`);
  }
}
