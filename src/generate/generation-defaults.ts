// How the folder of a model wants its text generated: the sampling settings of `generation_config.json`, read as
// transformers 5.18 reads them.

import { isJsonObject, type JsonObject, showJson } from '../io/json.ts';
import { type SamplingOptions, samplingRules } from './sampling/sampling.ts';

export type FolderSampling = Omit<SamplingOptions, 'seed'>;

export interface GenerationDefaults {
  /** Null if the file says nothing of sampling. */
  readonly sampling: FolderSampling | null;
  /** Most tokens of an answer; null if the file does not say. */
  readonly maxNewTokens: number | null;
  /** Settings of the file that are not followed. */
  readonly notes: readonly string[];
}

/** Where a folder wants nothing in particular. */
export const noDefaults: GenerationDefaults = { sampling: null, maxNewTokens: null, notes: [] };

const keys = {
  temperature: 'temperature',
  topK: 'top_k',
  topP: 'top_p',
  minP: 'min_p',
  repetitionPenalty: 'repetition_penalty',
} as const satisfies Record<keyof FolderSampling, string>;

/** What transformers takes where a file that says anything of sampling leaves a key out. */
const theirs: FolderSampling = { temperature: 1, topK: 50, topP: 1, minP: 0, repetitionPenalty: 1 };

const followed: ReadonlySet<string> = new Set([...Object.values(keys), 'do_sample', 'max_new_tokens']);

/** Keys about tokens, which `folder-tokenizer.ts` reads, and keys that change no answer. */
const inert = new RegExp(
  '^(?:_.*|.*_token_id|transformers_version|use_cache|cache_.*|output_.*|return_dict.*|chat_format' +
    '|.*_assistant.*|assistant_.*)$',
);

/** The settings of a parsed `generation_config.json`; null for a folder without one. */
export function readGenerationDefaults(json: JsonObject | null): GenerationDefaults {
  if (json === null) return noDefaults;
  const isUsable = (key: keyof FolderSampling) =>
    typeof json[keys[key]] === 'number' && samplingRules[key][0](Number(json[keys[key]]));
  const all = Object.keys(keys) as (keyof FolderSampling)[];
  const stated = all.filter((key) => (json[keys[key]] ?? null) !== null);
  const saysSomething = stated.length > 0 || typeof json.do_sample === 'boolean';
  const values = Object.fromEntries(stated.filter(isUsable).map((key) => [key, json[keys[key]]]));
  const isGreedy = json.do_sample !== true;
  const drawn = { ...theirs, ...values };
  return {
    sampling: saysSomething ? { ...drawn, ...(isGreedy ? { temperature: 0 } : {}) } : null,
    maxNewTokens: isCount(json.max_new_tokens) ? json.max_new_tokens : null,
    notes: [
      ...(isGreedy && stated.some((key) => key !== 'repetitionPenalty')
        ? ['do_sample is not true, so the most likely token is taken every time, as in transformers']
        : []),
      ...stated
        .filter((key) => !isUsable(key))
        .map((key) => `${keys[key]} (${showJson(json[keys[key]])}) cannot be used`),
      ...Object.entries(json)
        .filter(([key, value]) => !followed.has(key) && !inert.test(key) && !isNeutral(value))
        .map(([key, value]) => `${key} (${showJson(value)}) is not supported and left out`),
    ].map((note) => `generation_config.json: ${note}`),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 1;
}

/** Values that ask for nothing, whatever the key. */
function isNeutral(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isJsonObject(value)) return Object.keys(value).length === 0;
  return value === null || value === false || value === 0 || value === 1;
}

/** `temperature 0.6, top-k 20, top-p 0.95, at most 512 tokens`; null where the folder wants nothing. */
export function describeDefaults({ sampling, maxNewTokens }: GenerationDefaults): string | null {
  const limit = maxNewTokens === null ? [] : [`at most ${maxNewTokens} tokens`];
  if (sampling === null) return limit[0] ?? null;
  const { temperature, topK, topP, minP, repetitionPenalty } = sampling;
  const choice =
    temperature === 0
      ? ['the most likely token every time']
      : [
          `temperature ${temperature}`,
          topK === 0 ? 'no top-k' : `top-k ${topK}`,
          ...(topP === 1 ? [] : [`top-p ${topP}`]),
          ...(minP === 0 ? [] : [`min-p ${minP}`]),
        ];
  const penalty = repetitionPenalty === 1 ? [] : [`repetition penalty ${repetitionPenalty}`];
  return [...choice, ...penalty, ...limit].join(', ');
}
