// What the server answers to: paths, methods, and what each of them does.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission } from './admission.ts';
import type { AllowedHosts } from './allowed-hosts.ts';
import { answer, type Usage } from './answer.ts';
import type { AnswerFormat } from './answer-format.ts';
import { ApiError } from './api-error.ts';
import { type Call, checkModel, choicesOf } from './call.ts';
import { chatFormat } from './chat-format.ts';
import { parseChatRequest } from './chat-request.ts';
import { completionFormat } from './completion-format.ts';
import { parseCompletionRequest } from './completion-request.ts';
import { sendJson } from './finish-response.ts';
import type { ServeLimits } from './limits.ts';
import { readJsonBody } from './read-body.ts';
import type { ServedModel } from './served-model.ts';
import type { TokenNames } from './token-names.ts';

/** What the endpoints of one server share. */
export interface ServerContext {
  readonly model: ServedModel;
  readonly names: TokenNames;
  readonly limits: ServeLimits;
  readonly admission: Admission;
  readonly isAllowed: AllowedHosts;
}

/** One request on its way. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Aborted when the client goes, time is up or the server stops. */
  readonly controller: AbortController;
}

/** Answers a request; null where no tokens are counted. */
export type Endpoint = (context: ServerContext, exchange: Exchange) => Promise<Usage | null>;

/** The endpoint of a method and path. @throws ApiError 404 or 405 */
export function findEndpoint(method: string, path: string): Endpoint {
  const methods = endpointsAt(path);
  const endpoint = methods[method];
  if (endpoint !== undefined) return endpoint;
  const allow = Object.keys(methods).join(', ');
  if (allow !== '') throw new ApiError(405, `${path} takes ${allow}, not ${method}.`, { headers: { allow } });
  throw new ApiError(404, 'There is nothing here; see /v1/models, /v1/completions and /v1/chat/completions.', {
    code: 'unknown_url',
  });
}

function endpointsAt(path: string): Readonly<Record<string, Endpoint>> {
  if (path === '/v1/models') return { GET: listModels };
  if (path.startsWith('/v1/models/')) return { GET: (...args) => showModel(path.slice('/v1/models/'.length), ...args) };
  if (path === '/v1/completions') return { POST: complete };
  if (path === '/v1/chat/completions') return { POST: chat };
  return {};
}

function describeModel({ id, created }: ServedModel): object {
  return { id, object: 'model', created, owned_by: 'tinyseek' };
}

const listModels: Endpoint = async ({ model, limits }, { response }) => {
  await sendJson(response, 200, { object: 'list', data: [describeModel(model)] }, limits.stallSeconds);
  return null;
};

async function showModel(name: string, ...[{ model, limits }, { response }]: Parameters<Endpoint>): Promise<null> {
  checkModel(decodeName(name), model);
  await sendJson(response, 200, describeModel(model), limits.stallSeconds);
  return null;
}

function decodeName(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

const complete: Endpoint = async (context, exchange) => {
  const { model, limits, names } = context;
  const body = await readJsonBody(exchange.request, limits.maxBodyBytes);
  const call = await parseCompletionRequest(body, model, limits, exchange.controller.signal);
  return generate(call, completionFormat(call, model, names), context, exchange);
};

const chat: Endpoint = async (context, exchange) => {
  const { model, limits, names } = context;
  const body = await readJsonBody(exchange.request, limits.maxBodyBytes);
  const call = await parseChatRequest(body, model, exchange.controller.signal);
  return generate(call, chatFormat(call, names), context, exchange);
};

async function generate(call: Call, format: AnswerFormat, context: ServerContext, exchange: Exchange): Promise<Usage> {
  const { model, names, limits, admission } = context;
  const { response, controller } = exchange;
  const choices = choicesOf(call, model, limits);
  const timeUp = setTimeout(() => controller.abort(tookTooLong(limits)), limits.answerSeconds * 1000);
  try {
    const job = { call, choices, format, model, names, limits, response, controller };
    return await admission.hold(choices.length, () => answer(job));
  } finally {
    clearTimeout(timeUp);
  }
}

function tookTooLong({ answerSeconds }: ServeLimits): ApiError {
  return new ApiError(
    504,
    `The answer took more than ${answerSeconds} seconds, waiting included; ask for fewer tokens.`,
    {
      code: 'timeout',
      headers: { 'x-should-retry': 'false' }, // the client would ask for the same again
    },
  );
}
