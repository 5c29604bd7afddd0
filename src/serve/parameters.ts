// The parameters that both kinds of completions share: which there are, their ranges, and what they mean here.
//
// The API takes null for an absent parameter. What would change the answer and is not supported is refused, so that no
// client is misled; what only concerns OpenAI's own service is accepted and ignored.

import { randomInt } from 'node:crypto';
import { closest } from 'fastest-levenshtein';
import * as z from 'zod';
import { showValue } from '../config/issues.ts';
import type { GenerationDefaults } from '../generate/generation-defaults.ts';
import type { SamplingOptions } from '../generate/sampling/sampling.ts';
import { type ApiError, invalidParameter } from './api-error.ts';

/** An integer; the error completes the sentence "name (value) must be ...". */
export function integer(minimum: number, maximum: number) {
  const error = `an integer from ${minimum} to ${maximum}`;
  return z.int({ error, abort: true }).min(minimum, { error }).max(maximum, { error }).nullish();
}

function number(minimum: number, maximum: number) {
  const error = `a number from ${minimum} to ${maximum}`;
  return z.number({ error }).min(minimum, { error }).max(maximum, { error }).nullish();
}

export function flag() {
  return z.boolean({ error: 'true or false' }).nullish();
}

/** Anything, and nothing is made of it. */
export const ignored = z.unknown().optional();

/** A parameter that is not supported: absent, null or a value that asks for nothing. */
export function unsupported(neutral: (value: unknown) => boolean = () => false) {
  return z
    .unknown()
    .refine((value) => value === undefined || value === null || neutral(value), {
      error: 'left out: it is not supported',
      params: { code: 'unsupported_parameter' },
    })
    .optional();
}

export const isZero = (value: unknown) => value === 0;
export const isEmpty = (value: unknown) =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;

const maxTokens = Number.MAX_SAFE_INTEGER;
const stopError = 'a text or up to 4 texts, none of them empty';
const stopText = z.string().min(1, { error: 'a text that is not empty' });

export const sharedParameters = {
  model: z.string({ error: 'a text' }).nullish(),
  max_tokens: integer(1, maxTokens),
  n: integer(1, 128),
  stop: z.union([stopText, z.array(stopText).max(4)], { error: stopError }).nullish(),
  stream: flag(),
  stream_options: z
    .strictObject({ include_usage: flag(), include_obfuscation: flag() }, { error: 'an object' })
    .nullish(),
  seed: integer(-maxTokens, maxTokens),
  temperature: number(0, 2),
  top_p: number(0, 1),
  // Not of the API, but common: vLLM's names.
  top_k: integer(-1, maxTokens),
  min_p: number(0, 1),
  repetition_penalty: number(0.01, 100),
  frequency_penalty: unsupported(isZero),
  presence_penalty: unsupported(isZero),
  logit_bias: unsupported(isEmpty),
  user: ignored,
};

type Shared = z.infer<z.ZodObject<typeof sharedParameters>>;

/** The parameters of a body. @throws ApiError naming the first one that is wrong, with the nearest name if unknown. */
export function parseParameters<Shape extends z.core.$ZodShape>(
  schema: z.ZodObject<Shape, z.core.$strict>,
  body: Record<string, unknown>,
): z.infer<z.ZodObject<Shape, z.core.$strict>> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw explain(parsed.error.issues[0]!, body, Object.keys(schema.shape));
}

function explain(issue: z.core.$ZodIssue, body: unknown, known: readonly string[]): ApiError {
  const param = paramName(issue.path);
  if (issue.code === 'unrecognized_keys') return unknownParameter(issue.keys[0]!, param, known);
  const code = issue.code === 'custom' && typeof issue.params?.code === 'string' ? issue.params.code : null;
  const found = issue.path.reduce(property, body);
  if (found === undefined) return invalidParameter(param, `${param} is missing: expected ${issue.message}`, code);
  return invalidParameter(param, `${param} (${showValue(found)}) must be ${issue.message}`, code);
}

/** `messages[0].content`. */
function paramName(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

function property(value: unknown, key: PropertyKey): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
}

function unknownParameter(key: string, place: string, known: readonly string[]): ApiError {
  const shown = showValue(key);
  if (place !== '')
    return invalidParameter(`${place}.${key}`, `${place} has an unknown key ${shown}`, 'unknown_parameter');
  const nearest = key.length > 60 ? '' : `; did you mean ${closest(key, [...known])}?`;
  return invalidParameter(key, `Unknown parameter ${shown}${nearest}`, 'unknown_parameter');
}

/** The API's defaults, for a model whose folder wants nothing else. */
const apiSampling = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

/** What a request leaves out is as the model's folder wants it. Without a seed, a request gets one by chance. */
export function samplingOf(parameters: Shared, { sampling }: GenerationDefaults): SamplingOptions {
  const wanted = sampling ?? apiSampling;
  return {
    temperature: parameters.temperature ?? wanted.temperature,
    topK: Math.max(0, parameters.top_k ?? wanted.topK),
    topP: parameters.top_p ?? wanted.topP,
    minP: parameters.min_p ?? wanted.minP,
    repetitionPenalty: parameters.repetition_penalty ?? wanted.repetitionPenalty,
    seed: (parameters.seed ?? randomInt(2 ** 32)) >>> 0,
  };
}

export function stopTexts({ stop }: Shared): readonly string[] {
  return typeof stop === 'string' ? [stop] : (stop ?? []);
}
