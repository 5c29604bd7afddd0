// Answers of `/v1/chat/completions`.

import type { AnswerFormat, PlacedToken } from './answer-format.ts';
import { finiteLogprob } from './answer-format.ts';
import type { Call } from './call.ts';
import type { TokenNames } from './token-names.ts';

export function chatFormat(call: Call, names: TokenNames): AnswerFormat {
  const logprobs = (tokens: readonly PlacedToken[]) => {
    if (call.topLogprobs === null) return null;
    return { content: tokens.map((token) => tokenLogprobs(token, names)), refusal: null };
  };
  return {
    idPrefix: 'chatcmpl-',
    objects: { whole: 'chat.completion', chunk: 'chat.completion.chunk' },
    opening: ({ index }) => {
      return { index, delta: { role: 'assistant', content: '' }, logprobs: null, finish_reason: null };
    },
    chunk: ({ index }, { text, tokens, finishReason }) => {
      const delta = finishReason !== null && text === '' ? {} : { content: text };
      return { index, delta, logprobs: tokens.length === 0 ? null : logprobs(tokens), finish_reason: finishReason };
    },
    whole: ({ index }, { text, tokens, finishReason }) => {
      const message = { role: 'assistant', content: text, refusal: null };
      return { index, message, logprobs: logprobs(tokens), finish_reason: finishReason };
    },
  };
}

function tokenLogprobs(token: PlacedToken, names: TokenNames): object {
  const describe = (id: number, logprob: number) => {
    return { token: names.text(id), logprob: finiteLogprob(logprob), bytes: Array.from(names.bytes(id)) };
  };
  return {
    ...describe(token.id, token.logprob ?? 0),
    top_logprobs: token.topLogprobs.map(({ id, logprob }) => describe(id, logprob)),
  };
}
