// What a request asks of the generator, whichever of the two endpoints it came to.

import type { SamplingOptions } from '../generate/sampling/sampling.ts';
import { ApiError, invalidParameter } from './api-error.ts';
import type { ServeLimits } from './limits.ts';
import type { ServedModel } from './served-model.ts';

export interface Call {
  /** At least one, each of at least one token and shorter than the context. */
  readonly prompts: readonly (readonly number[])[];
  /** Choices for each prompt. */
  readonly n: number;
  /** Most tokens of a choice; null: as many as there is room for. */
  readonly maxTokens: number | null;
  readonly sampling: SamplingOptions;
  readonly stop: readonly string[];
  /** See `GenerationRequest`. */
  readonly topLogprobs: number | null;
  /** Whether the tokens of the prompts are reported with their probabilities: see `GenerationRequest`. */
  readonly scoresPrompt?: boolean;
  /** Whether an answer begins with its prompt. */
  readonly echo?: boolean;
  readonly stream: boolean;
  /** Whether a stream ends with the counts of tokens. */
  readonly includeUsage: boolean;
}

/** One answer to one prompt. */
export interface Choice {
  /** Choice `i` of prompt `p` is number `p * n + i`. */
  readonly index: number;
  readonly promptIds: readonly number[];
  readonly maxNewTokens: number;
  readonly sampling: SamplingOptions;
}

/**
 * The choices of a call. The choices of one prompt have seeds that follow each other; their length is what the request
 * asks for, or what the context and the server's limit leave room for.
 *
 * @throws ApiError when a prompt is too long or there are too many choices.
 */
export function choicesOf(call: Call, model: ServedModel, limits: ServeLimits): readonly Choice[] {
  checkChoiceCount(call.prompts.length, call.n, model, limits);
  return call.prompts.flatMap((promptIds, prompt) => {
    const room = roomFor(promptIds, call.maxTokens, model);
    const maxNewTokens = Math.min(call.maxTokens ?? room, room, limits.maxTokens);
    return Array.from({ length: call.n }, (_, i) => {
      const sampling = { ...call.sampling, seed: (call.sampling.seed + i) >>> 0 };
      return { index: prompt * call.n + i, promptIds, maxNewTokens, sampling };
    });
  });
}

/** @throws ApiError when a request asks for more than may ever wait. */
export function checkChoiceCount(prompts: number, n: number, { slots }: ServedModel, limits: ServeLimits): void {
  const most = Math.min(limits.maxChoices, slots + limits.maxQueue);
  if (prompts * n <= most) return;
  throw new ApiError(400, `${prompts} prompts with n ${n} are more than ${most} choices; ask for fewer.`);
}

/** Tokens that an answer may have. The last one is not read, so it has room after a prompt that fills the context. */
function roomFor(promptIds: readonly number[], maxTokens: number | null, { contextLength }: ServedModel): number {
  if (promptIds.length < contextLength) return contextLength - promptIds.length;
  if (promptIds.length === contextLength && maxTokens !== null && maxTokens <= 1) return maxTokens;
  throw tooLong(`${promptIds.length} tokens`, contextLength);
}

/** A prompt that leaves no room for an answer. */
export function tooLong(length: string, contextLength: number): ApiError {
  const message = `The prompt has ${length}, but the model's context is ${contextLength} tokens, the answer included; shorten it.`;
  return invalidParameter(null, message, 'context_length_exceeded');
}

/** @throws ApiError when a request is for another model; one that names none means the one there is. */
export function checkModel(asked: string | null | undefined, { id }: ServedModel): void {
  if (asked === undefined || asked === null || asked === id) return;
  throw new ApiError(
    404,
    `The model ${JSON.stringify(asked.slice(0, 60))} does not exist; this server has ${JSON.stringify(id)}.`,
    {
      param: 'model',
      code: 'model_not_found',
    },
  );
}
