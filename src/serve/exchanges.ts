// The requests being answered: each is begun, ended whatever happens, and known until then.

import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { checkHosts } from './allowed-hosts.ts';
import type { Usage } from './answer.ts';
import { ApiError, ClientGone, toApiError } from './api-error.ts';
import { type Exchange, findEndpoint, type ServerContext } from './endpoints.ts';
import { formatEvent } from './event-stream.ts';
import { finishResponse, sendJson } from './finish-response.ts';

/** A request that is over. */
export interface RequestRecord {
  readonly method: string;
  readonly path: string;
  /** Null if the client was gone before an answer began. */
  readonly status: number | null;
  readonly seconds: number;
  /** Null unless the whole answer was generated. */
  readonly usage: Usage | null;
  /** Why it was not answered in full; null if it was. */
  readonly problem: string | null;
  /** The error behind a status of 500, for the log: a bug. */
  readonly bug: unknown;
}

type Outcome = Pick<RequestRecord, 'usage' | 'problem' | 'bug'>;

// How long aborted answers get to say so before their connections are closed.
const lastWordsSeconds = 1;

const stopping = () => new ApiError(503, 'The server is stopping.', { headers: { connection: 'close' } });

export class Exchanges {
  readonly #context: ServerContext;
  readonly #onRequest: (record: RequestRecord) => void;
  readonly #open = new Map<Exchange, Promise<void>>();
  #isStopping = false;

  constructor(context: ServerContext, onRequest: (record: RequestRecord) => void) {
    this.#context = context;
    this.#onRequest = onRequest;
  }

  /** How many requests are being answered. */
  get active(): number {
    return this.#open.size;
  }

  /** Answers a request, with an error if need be. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const exchange = { request, response, controller: new AbortController() };
    setMaxListeners(0, exchange.controller.signal); // every choice listens: Node 20 takes more than ten for a leak
    response.on('close', () => {
      if (!response.writableFinished) exchange.controller.abort(new ClientGone());
    });
    this.#open.set(exchange, this.#run(exchange));
  }

  /** Whether a connection belongs to a request that has arrived whole, or to an answer that has begun. */
  isAnswering(socket: Duplex): boolean {
    return [...this.#open.keys()].some(
      ({ request, response }) => request.socket === socket && (request.complete || response.headersSent),
    );
  }

  /** Refuses new requests, and gives those on their way `graceSeconds` before they are aborted. */
  async stop(graceSeconds: number): Promise<void> {
    this.#isStopping = true;
    await within(graceSeconds, this.#allOver());
    for (const { controller } of this.#open.keys()) controller.abort(stopping());
    await within(lastWordsSeconds, this.#allOver());
  }

  async #allOver(): Promise<void> {
    await Promise.all(this.#open.values());
  }

  async #run(exchange: Exchange): Promise<void> {
    const start = performance.now();
    const { method = '', url = '' } = exchange.request;
    const path = url.replace(/[?#].*$/s, '');
    const outcome = await this.#answer(exchange, method, path);
    this.#open.delete(exchange);
    const { headersSent, statusCode } = exchange.response;
    const seconds = (performance.now() - start) / 1000;
    this.#onRequest({ method, path, status: headersSent ? statusCode : null, seconds, ...outcome });
  }

  async #answer(exchange: Exchange, method: string, path: string): Promise<Outcome> {
    try {
      checkHosts(exchange.request.headers, this.#context.isAllowed);
      if (this.#isStopping) throw stopping();
      const usage = await findEndpoint(method, path)(this.#context, exchange);
      return { usage, problem: null, bug: null };
    } catch (error) {
      if (error instanceof ClientGone) return { usage: null, problem: error.message, bug: null };
      const apiError = toApiError(error);
      await this.#sendError(exchange.response, apiError).catch(() => {}); // nobody is left to be told
      return { usage: null, problem: apiError.message, bug: apiError.status === 500 ? error : null };
    }
  }

  /** A stream that has begun ends with an event that has the error. */
  #sendError(response: ServerResponse, { status, body, details }: ApiError): Promise<void> {
    const { stallSeconds } = this.#context.limits;
    if (response.headersSent) return finishResponse(response, formatEvent(JSON.stringify(body)), stallSeconds);
    for (const [name, value] of Object.entries(details.headers ?? {})) response.setHeader(name, value);
    return sendJson(response, status, body, stallSeconds);
  }
}

/** Waits for a promise, at most so long. */
async function within(seconds: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeUp = new Promise<void>((done) => {
    timer = setTimeout(done, seconds * 1000);
  });
  await Promise.race([promise, timeUp]);
  clearTimeout(timer);
}
