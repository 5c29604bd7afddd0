// The options that say how text is generated, shared by `generate` and `chat`.

import { UserError } from '../errors.ts';
import { describeDefaults, type GenerationDefaults, noDefaults } from '../generate/generation-defaults.ts';
import { defaultSampling, type SamplingOptions, validateSampling } from '../generate/sampling/sampling.ts';
import type { OptionsOf } from './declared-types.ts';
import { wholeNumber } from './run-options.ts';

export const samplingOptions = [
  { flags: '--max-new-tokens <n>', help: 'tokens to write at most (default: as the model wants, or 128)' },
  {
    flags: '--temperature <x>',
    help: '0 takes the most likely token every time (default: as the model wants, or 0.8)',
  },
  {
    flags: '--top-k <n>',
    help: 'choose among so many of the most likely tokens; 0 means all (default: as the model wants, or 40)',
  },
  {
    flags: '--top-p <p>',
    help: 'choose among the most likely tokens with this probability together (default: as the model wants, or 1: all)',
  },
  {
    flags: '--min-p <p>',
    help: 'choose among tokens at least this many times as likely as the best (default: as the model wants, or 0: all)',
  },
  {
    flags: '--repetition-penalty <x>',
    help: 'above 1 makes tokens less likely that are there already (default: as the model wants, or 1)',
  },
  { flags: '--seed <n>', help: 'same seed, same text (default: 0)' },
] as const;

/** As text, the way they are given. */
type SamplingFlags = OptionsOf<typeof samplingOptions>;

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

/**
 * The sampling of a model: what its folder wants, changed by the options that are given.
 *
 * @throws UserError for what is no number, out of range, or of no effect beside a temperature of 0.
 */
export function parseSampling(flags: SamplingFlags, { sampling: wanted }: GenerationDefaults): SamplingOptions {
  const given = Object.entries(samplingFlags).flatMap(([key, option]) => {
    const text = flags[key as keyof SamplingOptions];
    return text === undefined ? [] : [[key, parseNumber(option, text)] as const];
  });
  const sampling: SamplingOptions = { ...defaultSampling, ...wanted, ...Object.fromEntries(given) };
  validateSampling(sampling);
  const idle = choosing.find((key) => flags[key] !== undefined);
  if (sampling.temperature === 0 && flags.temperature === undefined && idle !== undefined && idle !== 'seed') {
    throw new UserError(
      `${samplingFlags[idle]} has no effect: generation_config.json of the model takes the most likely token every ` +
        'time; give --temperature too',
    );
  }
  if (sampling.temperature === 0 && flags.temperature !== undefined && idle !== undefined) {
    throw new UserError(
      `${samplingFlags[idle]} has no effect with --temperature 0, which takes the most likely token every time; drop one of them`,
    );
  }
  return sampling;
}

const defaultNewTokens = 128;

export function parseMaxNewTokens(flags: SamplingFlags, { maxNewTokens: wanted } = noDefaults): number {
  const { maxNewTokens } = flags;
  return maxNewTokens === undefined ? (wanted ?? defaultNewTokens) : wholeNumber('--max-new-tokens', maxNewTokens);
}

/** What the folder of a model wants, as a line for people; nothing where it wants nothing. */
export function defaultsLines(defaults: GenerationDefaults): string[] {
  const wanted = describeDefaults(defaults);
  return wanted === null ? [] : [`generation_config.json of the model: ${wanted}; options change that`];
}

const mostDrafts = 3;

/** Drafts for each pass of the main model; 0 without `--speculative`. */
export function parseDrafts(speculative: string | boolean | undefined): number {
  if (speculative === undefined || speculative === false) return 0;
  if (speculative === true) return 1;
  const drafts = wholeNumber('--speculative', speculative);
  if (drafts <= mostDrafts) return drafts;
  throw new UserError(
    `--speculative: at most ${mostDrafts} drafts, found ${drafts}; 1 is what the module was trained for`,
  );
}

/** The stop strings, none of them empty. */
export function parseStops(stop: readonly string[] = []): readonly string[] {
  if (stop.includes('')) throw new UserError('--stop: expected a text, found an empty one');
  return stop;
}
