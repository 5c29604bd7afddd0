// The options that say how text is generated, shared by `generate` and `chat`.

import { UserError } from '../errors.ts';
import { defaultSampling, type SamplingOptions, validateSampling } from '../generate/sampling.ts';
import type { BackendFlags } from './backend-option.ts';
import { wholeNumber } from './run-options.ts';

/** As text, the way they are given. */
export interface SamplingFlags {
  readonly temperature?: string;
  readonly topK?: string;
  readonly topP?: string;
  readonly minP?: string;
  readonly repetitionPenalty?: string;
  readonly seed?: string;
}

export interface GenerationFlags extends SamplingFlags, BackendFlags {
  readonly maxNewTokens?: string;
  readonly stop?: readonly string[];
  /** True without a number. */
  readonly speculative?: string | boolean;
}

/** The options with their spelling on the command line. */
export const samplingFlags: Readonly<Record<keyof SamplingOptions, string>> = {
  temperature: '--temperature',
  topK: '--top-k',
  topP: '--top-p',
  minP: '--min-p',
  repetitionPenalty: '--repetition-penalty',
  seed: '--seed',
};

/** These choose among several tokens. */
const choosing = ['topK', 'topP', 'minP', 'seed'] as const;

/** A number, as an option or a command has it. */
export function parseNumber(option: string, text: string): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value)) return value;
  throw new UserError(`${option}: expected a number, found ${JSON.stringify(text)}`);
}

/** @throws UserError for what is no number, out of range, or of no effect beside `--temperature 0`. */
export function parseSampling(flags: SamplingFlags): SamplingOptions {
  const given = Object.entries(samplingFlags).flatMap(([key, option]) => {
    const text = flags[key as keyof SamplingFlags];
    return text === undefined ? [] : [[key, parseNumber(option, text)] as const];
  });
  const sampling: SamplingOptions = { ...defaultSampling, ...Object.fromEntries(given) };
  validateSampling(sampling);
  const idle = choosing.find((key) => flags[key] !== undefined);
  if (sampling.temperature === 0 && idle !== undefined) {
    throw new UserError(
      `${samplingFlags[idle]} has no effect with --temperature 0, which takes the most likely token every time; drop one of them`,
    );
  }
  return sampling;
}

const DEFAULT_NEW_TOKENS = 128;

export function parseMaxNewTokens({ maxNewTokens }: GenerationFlags): number {
  return maxNewTokens === undefined ? DEFAULT_NEW_TOKENS : wholeNumber('--max-new-tokens', maxNewTokens);
}

const MOST_DRAFTS = 3;

/** Drafts for each pass of the main model; 0 without `--speculative`. */
export function parseDrafts(speculative: string | boolean | undefined): number {
  if (speculative === undefined || speculative === false) return 0;
  if (speculative === true) return 1;
  const drafts = wholeNumber('--speculative', speculative);
  if (drafts <= MOST_DRAFTS) return drafts;
  throw new UserError(
    `--speculative: at most ${MOST_DRAFTS} drafts, found ${drafts}; 1 is what the module was trained for`,
  );
}

/** The stop strings, none of them empty. */
export function parseStops(stop: readonly string[] = []): readonly string[] {
  if (stop.includes('')) throw new UserError('--stop: expected a text, found an empty one');
  return stop;
}
