// What `/set` can change while a chat goes on.

import { UserError } from '../../errors.ts';
import { type SamplingOptions, validateSampling } from '../../generate/sampling/sampling.ts';
import { wholeNumber } from '../run-options.ts';
import { parseNumber, samplingFlags } from '../sampling-options.ts';

export interface ChatSettings {
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
}

const maxNewTokensSetting = 'max-new-tokens';

/** The names are those of the options: `top-k` for `topK`. */
const keys = new Map(
  Object.entries(samplingFlags).map(([key, option]) => [option.slice(2), key as keyof SamplingOptions]),
);

/** One line a setting, as `/set` takes them. */
export function settingLines({ maxNewTokens, sampling }: ChatSettings): string[] {
  return [`${maxNewTokensSetting} ${maxNewTokens}`, ...Array.from(keys, ([name, key]) => `${name} ${sampling[key]}`)];
}

/** @throws UserError for an unknown name or an impossible value. */
export function changeSetting(settings: ChatSettings, name: string, value: string): ChatSettings {
  if (name === maxNewTokensSetting) return { ...settings, maxNewTokens: wholeNumber(name, value) };
  const key = keys.get(name);
  if (key === undefined)
    throw new UserError(`/set: expected ${[maxNewTokensSetting, ...keys.keys()].join(', ')}; found ${name}`);
  const sampling = { ...settings.sampling, [key]: parseNumber(name, value) };
  validateSampling(sampling);
  return { ...settings, sampling };
}
