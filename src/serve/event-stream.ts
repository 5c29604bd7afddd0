// Server-sent events, no faster than the client reads them.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { cutOffAfter } from './finish-response.ts';

export class EventStream {
  readonly #response: ServerResponse;
  readonly #signal: AbortSignal;
  readonly #stallSeconds: number;
  #drained: Promise<void> | null = null;

  /** @param signal must abort when the response closes. */
  constructor(response: ServerResponse, signal: AbortSignal, stallSeconds: number) {
    this.#response = response;
    this.#signal = signal;
    this.#stallSeconds = stallSeconds;
  }

  /**
   * Sends one event, and waits if the client is behind. The first one begins the response.
   *
   * @throws the reason of the signal, once it is aborted. A client that takes nothing for too long is cut off.
   */
  async send(data: object): Promise<void> {
    this.#signal.throwIfAborted();
    if (!this.#response.headersSent) {
      this.#response.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-cache',
      });
    }
    if (this.#response.write(formatEvent(JSON.stringify(data)))) return;
    this.#drained ??= this.#drain();
    await this.#drained;
  }

  async #drain(): Promise<void> {
    const stalled = cutOffAfter(this.#response, this.#stallSeconds);
    try {
      await once(this.#response, 'drain', { signal: this.#signal });
    } catch (error) {
      this.#signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(stalled);
      this.#drained = null;
    }
  }
}

/** An event of a stream; `data` has no line breaks. */
export function formatEvent(data: string): string {
  return `data: ${data}\n\n`;
}
