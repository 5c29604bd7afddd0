import { UserError } from '../../errors.ts';
import { validateSampling } from '../sampling/sampling.ts';
import type { GenerationLimits } from './generation.ts';
import type { GenerationRequest } from './generator.ts';

/** @throws UserError that says what is wrong with a request: its prompt, its limits or its sampling. */
export function checkRequest(request: GenerationRequest, { vocabSize, capacity }: GenerationLimits): void {
  const { promptIds, maxNewTokens, sampling, stop, topLogprobs, scoresPrompt = false } = request;
  const fewest = scoresPrompt ? 0 : 1;
  if (promptIds.length === 0) throw new UserError('generate: the prompt is empty; give at least one token');
  const wrong = promptIds.find((id) => !Number.isInteger(id) || id < 0 || id >= vocabSize);
  if (wrong !== undefined) {
    throw new UserError(`generate: token id ${wrong} is outside the vocabulary; use 0 to ${vocabSize - 1}`);
  }
  if (promptIds.length > capacity) {
    throw new UserError(
      `generate: the prompt has ${promptIds.length} tokens, and the context ends at ${capacity}; shorten it`,
    );
  }
  if (!Number.isSafeInteger(maxNewTokens) || maxNewTokens < fewest) {
    throw new UserError(`generate: maxNewTokens must be a whole number from ${fewest} on; found ${maxNewTokens}`);
  }
  if (stop.includes('')) throw new UserError('generate: a stop string is empty; leave it out');
  if (topLogprobs !== null && !(Number.isInteger(topLogprobs) && topLogprobs >= 0 && topLogprobs <= vocabSize)) {
    throw new UserError(`generate: topLogprobs must be a whole number from 0 to ${vocabSize}; found ${topLogprobs}`);
  }
  validateSampling(sampling);
}
