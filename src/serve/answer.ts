// From a call to the response: one JSON object, or a stream of events.

import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { AnswerFormat, AnswerPart, PlacedToken } from './answer-format.ts';
import type { Call, Choice } from './call.ts';
import { EventStream, formatEvent } from './event-stream.ts';
import { finishResponse, sendJson } from './finish-response.ts';
import type { ServeLimits } from './limits.ts';
import { runChoices } from './run-choices.ts';
import type { ServedModel } from './served-model.ts';
import type { TokenNames } from './token-names.ts';

/** Tokens of a request. */
export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** Everything that an answer is made of. */
export interface AnswerJob {
  readonly call: Call;
  readonly choices: readonly Choice[];
  readonly format: AnswerFormat;
  readonly model: ServedModel;
  readonly names: TokenNames;
  readonly limits: ServeLimits;
  readonly response: ServerResponse;
  /** Aborting it ends the generation. */
  readonly controller: AbortController;
}

/** Generates and sends an answer. @throws the reason why it was ended early; the response is then still open. */
export function answer(job: AnswerJob): Promise<Usage> {
  return job.call.stream ? streamAnswer(job) : wholeAnswer(job);
}

function envelope({ format, model }: AnswerJob, object: string) {
  const id = `${format.idPrefix}${randomUUID().replaceAll('-', '')}`;
  return { id, object, created: Math.floor(Date.now() / 1000), model: model.id };
}

function usageOf({ call }: AnswerJob, completionTokens: number): Usage {
  const promptTokens = call.prompts.reduce((sum, prompt) => sum + prompt.length, 0);
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

function run({ call, choices, model, names, controller }: AnswerJob, onPart: Parameters<typeof runChoices>[5]) {
  return runChoices(call, choices, model, names, controller, onPart);
}

async function wholeAnswer(job: AnswerJob): Promise<Usage> {
  const parts = job.choices.map((): AnswerPart[] => []);
  const count = await run(job, ({ index }, part) => {
    parts[index]!.push(part);
  });
  const usage = usageOf(job, count);
  const choices = job.choices.map((choice) => job.format.whole(choice, joinParts(parts[choice.index]!)));
  const body = { ...envelope(job, job.format.objects.whole), choices, usage };
  await sendJson(job.response, 200, body, job.limits.stallSeconds);
  return usage;
}

function joinParts(parts: readonly AnswerPart[]): AnswerPart {
  const tokens: PlacedToken[] = parts.flatMap((part) => part.tokens);
  return { text: parts.map(({ text }) => text).join(''), tokens, finishReason: parts.at(-1)?.finishReason ?? null };
}

async function streamAnswer(job: AnswerJob): Promise<Usage> {
  const { call, format, limits, response, controller } = job;
  const stream = new EventStream(response, controller.signal, limits.stallSeconds);
  const head = envelope(job, format.objects.chunk);
  const noUsage = call.includeUsage ? { usage: null } : {};
  const send = (choice: object) => stream.send({ ...head, choices: [choice], ...noUsage });
  const opened = new Set<number>();
  const count = await run(job, async (choice, part) => {
    const opening = opened.has(choice.index) ? null : format.opening(choice);
    opened.add(choice.index);
    if (opening !== null) await send(opening);
    const isSilent = part.text === '' && part.finishReason === null && call.topLogprobs === null;
    if (!isSilent) await send(format.chunk(choice, part));
  });
  const usage = usageOf(job, count);
  if (call.includeUsage) await stream.send({ ...head, choices: [], usage });
  await finishResponse(response, formatEvent('[DONE]'), limits.stallSeconds);
  return usage;
}
