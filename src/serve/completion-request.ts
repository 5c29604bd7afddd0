// The body of `POST /v1/completions`.

import * as z from 'zod';
import { encodeAside } from '../data/tokenizers/encode-aside.ts';
import { invalidParameter } from './api-error.ts';
import { type Call, checkChoiceCount, checkModel } from './call.ts';
import type { ServeLimits } from './limits.ts';
import {
  flag,
  ignored,
  integer,
  parseParameters,
  samplingOf,
  sharedParameters,
  stopTexts,
  unsupported,
} from './parameters.ts';
import type { ServedModel } from './served-model.ts';
import { checkTextLength } from './text-length.ts';

const schema = z.strictObject({
  ...sharedParameters,
  max_tokens: integer(0, Number.MAX_SAFE_INTEGER),
  prompt: ignored, // read below: as a schema, a long list of ids would give a complaint for each of them
  echo: flag(),
  logprobs: integer(0, 5),
  best_of: integer(1, 128),
  suffix: unsupported((value) => value === ''),
});

type Prompt = string | readonly number[];

/**
 * What a body asks for. A prompt of text follows the token that begins a document; one of token ids is taken as it is,
 * and so is a text whose probabilities are asked for (`echo` with `logprobs`), as `tinyseek score` takes it.
 *
 * @throws ApiError
 */
export async function parseCompletionRequest(
  body: Record<string, unknown>,
  model: ServedModel,
  limits: ServeLimits,
  signal?: AbortSignal,
): Promise<Call> {
  const parameters = parseParameters(schema, body);
  const { n, best_of: bestOf, logprobs, echo } = parameters;
  const maxTokens = parameters.max_tokens ?? 16; // the API's default
  const isScored = echo === true && typeof logprobs === 'number';
  checkModel(parameters.model, model);
  if ((bestOf ?? n ?? 1) !== (n ?? 1)) {
    throw invalidParameter('best_of', `best_of (${bestOf}) must equal n: choosing among more answers is not supported`);
  }
  const prompts = readPrompts(parameters.prompt);
  checkChoiceCount(prompts.length, n ?? 1, model, limits); // before they are encoded, which takes longer
  return {
    prompts: await Promise.all(prompts.map((prompt) => promptIds(prompt, model, isScored, signal))),
    n: n ?? 1,
    maxTokens,
    sampling: samplingOf(parameters, model.defaults),
    stop: stopTexts(parameters),
    topLogprobs: logprobs ?? null,
    scoresPrompt: isScored || maxTokens === 0,
    stream: parameters.stream ?? false,
    includeUsage: parameters.stream_options?.include_usage ?? false,
    echo: echo ?? false,
  };
}

const isId = (value: unknown): value is number => Number.isInteger(value);
const isIds = (value: unknown): value is number[] => Array.isArray(value) && value.length > 0 && value.every(isId);

/** A prompt left out is the beginning of a document. */
function readPrompts(value: unknown): readonly Prompt[] {
  if (value === undefined || value === null) return [''];
  if (typeof value === 'string') return [value];
  if (isIds(value)) return [value];
  if (Array.isArray(value) && value.length > 0) {
    if (value.every((prompt) => typeof prompt === 'string') || value.every(isIds)) return value;
  }
  throw invalidParameter(
    'prompt',
    'prompt must be a text, a list of texts, a list of token ids or a list of such lists',
  );
}

async function promptIds(
  prompt: Prompt,
  model: ServedModel,
  isScored: boolean,
  signal?: AbortSignal,
): Promise<readonly number[]> {
  if (typeof prompt === 'string') {
    checkTextLength(prompt.length, model);
    const start = isScored && prompt !== '' ? [] : model.prompts.start;
    const ids = [...start, ...(await encodeAside(model.tokenizer, prompt, signal))];
    return ids.length === 0 ? [documentStart(model)] : ids;
  }
  const { vocabSize } = model.tokenizer;
  const wrong = prompt.find((id) => id < 0 || id >= vocabSize);
  if (wrong === undefined) return prompt;
  throw invalidParameter('prompt', `prompt has the token id ${wrong}; the vocabulary has 0 to ${vocabSize - 1}`);
}

/** What an empty prompt follows where prompts follow nothing. */
function documentStart({ tokenizer }: ServedModel): number {
  const id = tokenizer.bosTokenId ?? tokenizer.eosTokenId;
  if (id !== null) return id;
  throw invalidParameter('prompt', 'prompt is empty, and the model has no token that begins a text; give some text');
}
