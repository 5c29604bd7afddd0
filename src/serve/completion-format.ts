// Answers of `/v1/completions`; a chunk of a stream looks like a whole answer.

import type { AnswerFormat, AnswerPart, PlacedToken } from './answer-format.ts';
import { finiteLogprob } from './answer-format.ts';
import type { Call } from './call.ts';
import type { ServedModel } from './served-model.ts';
import type { TokenNames } from './token-names.ts';

export function completionFormat(call: Call, { tokenizer }: ServedModel, names: TokenNames): AnswerFormat {
  const logprobs = (tokens: readonly PlacedToken[]) =>
    call.topLogprobs === null ? null : legacyLogprobs(tokens, names);
  const entry = (index: number, { text, tokens, finishReason }: AnswerPart) => {
    return { index, text, logprobs: logprobs(tokens), finish_reason: finishReason };
  };
  const echoed = (promptIds: readonly number[]) => (call.echo ? tokenizer.decode(promptIds) : '');
  return {
    idPrefix: 'cmpl-',
    objects: { whole: 'text_completion', chunk: 'text_completion' },
    opening: ({ index, promptIds }) =>
      call.echo ? entry(index, { text: echoed(promptIds), tokens: [], finishReason: null }) : null,
    chunk: ({ index }, part) => entry(index, part),
    whole: ({ index, promptIds }, part) => entry(index, { ...part, text: echoed(promptIds) + part.text }),
  };
}

/**
 * Parallel lists; the likely tokens of a place are an object by text, of which the chosen token is always one. The
 * first token of a prompt follows nothing, so it has no probability.
 */
function legacyLogprobs(tokens: readonly PlacedToken[], names: TokenNames): object {
  const chosen = ({ logprob }: PlacedToken) => (logprob === null ? null : finiteLogprob(logprob));
  return {
    tokens: tokens.map(({ id }) => names.text(id)),
    token_logprobs: tokens.map(chosen),
    top_logprobs: tokens.map((token) => {
      const likely = token.topLogprobs.map(({ id, logprob }) => [names.text(id), finiteLogprob(logprob)] as const);
      return token.logprob === null ? null : Object.fromEntries([...likely, [names.text(token.id), chosen(token)]]);
    }),
    text_offset: tokens.map(({ offset }) => offset),
  };
}
