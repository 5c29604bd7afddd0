// The body of `POST /v1/chat/completions`.

import * as z from 'zod';
import type { ChatMessage } from '../generate/chat/chat-prompt.ts';
import { invalidParameter } from './api-error.ts';
import { type Call, checkModel } from './call.ts';
import {
  flag,
  ignored,
  integer,
  isEmpty,
  parseParameters,
  samplingOf,
  sharedParameters,
  stopTexts,
  unsupported,
} from './parameters.ts';
import type { ServedModel } from './served-model.ts';
import { checkTextLength } from './text-length.ts';

/** 1 to 1024 of something, counted before they are looked at: each of them may be wrong in several ways. */
function listOf<T extends z.ZodType>(item: T, error: string) {
  return z.array(z.unknown(), { error }).min(1, { error }).max(1024, { error }).pipe(z.array(item));
}

const contentError = 'a text, or a list of parts {"type": "text", "text": "..."}: nothing but text is supported';

/** What programs add to messages and parts for themselves or for other services, and what changes no answer. */
const remarks = {
  annotations: ignored,
  cache_control: ignored,
  created: ignored,
  id: ignored,
  logprobs: ignored,
  metadata: ignored,
  name: ignored,
  object: ignored,
  parsed: ignored,
  reasoning: ignored,
  reasoning_content: ignored,
  reasoning_details: ignored,
  refusal: ignored,
  status: ignored,
  timestamp: ignored,
};

const textPart = z.strictObject({ ...remarks, type: z.literal('text'), text: z.string() }, { error: 'a part of text' });

const message = z
  .strictObject(
    {
      ...remarks,
      role: z.enum(['system', 'developer', 'user', 'assistant'], {
        error: 'one of system, developer, user, assistant',
      }),
      content: z.union([z.string(), listOf(textPart, contentError)], { error: contentError }).nullish(),
      type: unsupported((value) => value === 'message'),
      audio: unsupported(),
      function_call: unsupported(),
      prefix: unsupported((value) => value === false),
      tool_call_id: unsupported(),
      tool_calls: unsupported(isEmpty),
    },
    { error: 'an object with role and content' },
  )
  // An assistant's message without text is one that called a tool or refused, in the API's own types.
  .refine(({ role, content }) => role === 'assistant' || (content ?? null) !== null, {
    path: ['content'],
    error: contentError,
  });

const schema = z.strictObject({
  ...sharedParameters,
  messages: listOf(message, 'a list of 1 to 1024 messages'),
  max_completion_tokens: sharedParameters.max_tokens,
  logprobs: flag(),
  top_logprobs: integer(0, 20),
  audio: unsupported(),
  function_call: unsupported((value) => value === 'none' || value === 'auto'),
  functions: unsupported(isEmpty),
  modalities: unsupported((value) => Array.isArray(value) && value.every((kind) => kind === 'text')),
  prediction: unsupported(),
  reasoning_effort: unsupported(),
  response_format: unsupported((value) => z.looseObject({ type: z.literal('text') }).safeParse(value).success),
  tool_choice: unsupported((value) => value === 'none' || value === 'auto'),
  tools: unsupported(isEmpty),
  web_search_options: unsupported(),
  metadata: ignored,
  parallel_tool_calls: ignored,
  prompt_cache_key: ignored,
  prompt_cache_retention: ignored,
  safety_identifier: ignored,
  service_tier: ignored,
  store: ignored,
  verbosity: ignored,
});

type Parameters = z.infer<typeof schema>;

/** What a body asks for. @throws ApiError */
export async function parseChatRequest(
  body: Record<string, unknown>,
  model: ServedModel,
  signal?: AbortSignal,
): Promise<Call> {
  const parameters = parseParameters(schema, body);
  checkModel(parameters.model, model);
  const messages = parameters.messages.map(toMessage);
  checkTextLength(
    messages.reduce((sum, { content }) => sum + content.length, 0),
    model,
  );
  const { chat } = model.prompts;
  return {
    prompts: [await chat.encode(messages, signal)],
    n: parameters.n ?? 1,
    maxTokens: maxTokensOf(parameters) ?? model.defaults.maxNewTokens,
    sampling: samplingOf(parameters, model.defaults),
    stop: [...stopTexts(parameters), ...chat.stop],
    topLogprobs: topLogprobsOf(parameters),
    stream: parameters.stream ?? false,
    includeUsage: parameters.stream_options?.include_usage ?? false,
  };
}

function toMessage({ role, content }: z.infer<typeof message>): ChatMessage {
  const text = typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join('');
  return { role: role === 'developer' ? 'system' : role, content: text };
}

function maxTokensOf({ max_tokens: old, max_completion_tokens: current }: Parameters): number | null {
  if (typeof old === 'number' && typeof current === 'number') {
    throw invalidParameter('max_tokens', 'max_tokens must be left out with max_completion_tokens, its new name');
  }
  return current ?? old ?? null;
}

function topLogprobsOf({ logprobs, top_logprobs: top }: Parameters): number | null {
  if (logprobs === true) return top ?? 0;
  if (typeof top !== 'number') return null;
  throw invalidParameter('top_logprobs', 'top_logprobs needs logprobs to be true');
}
