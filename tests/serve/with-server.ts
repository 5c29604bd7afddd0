// A server with a fake generator, for one test each, and what to talk to it with.

import { connect, type Socket } from 'node:net';
import OpenAI from 'openai';
import { afterEach, expect } from 'vitest';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { transcriptFormat } from '../../src/generate/chat/chat-prompt.ts';
import { noDefaults } from '../../src/generate/generation-defaults.ts';
import type { RequestRecord } from '../../src/serve/exchanges.ts';
import { defaultLimits, type ServeLimits } from '../../src/serve/limits.ts';
import type { ServedModel } from '../../src/serve/served-model.ts';
import { type RunningServer, startServer } from '../../src/serve/server.ts';
import { FakeGenerator } from './fake-generator.ts';

export const tokenizer = createBytesTokenizer();

/** Ids of a text prompt, with the token that begins a document. */
export function promptIds(text: string): number[] {
  return [tokenizer.eosTokenId, ...tokenizer.encode(text)];
}

export interface TestServer {
  readonly server: RunningServer;
  readonly model: ServedModel;
  readonly generator: FakeGenerator;
  readonly port: number;
  readonly client: OpenAI;
  /** Requests that are over, oldest first. */
  readonly records: RequestRecord[];
  /** Waits until so many requests are over. */
  over(count: number): Promise<void>;
}

const started: TestServer[] = [];

afterEach(async () => {
  for (const { server, generator } of started.splice(0)) {
    generator.resume();
    await server.close(0);
    expect([server.active, generator.load]).toEqual([0, { running: 0, waiting: 0 }]);
  }
});

/** No server ends anything for the time it takes, unless a test wants it to: machines differ in speed. */
const patient = { ...defaultLimits, requestSeconds: 3600, answerSeconds: 3600, stallSeconds: 3600 };

export interface TestOptions {
  readonly slots?: number;
  readonly contextLength?: number;
  readonly limits?: Partial<ServeLimits>;
  readonly allowedHosts?: readonly string[];
  readonly model?: Partial<ServedModel>;
}

export async function serve(options: TestOptions = {}): Promise<TestServer> {
  const generator = new FakeGenerator(options.slots ?? 5);
  const start = [tokenizer.eosTokenId];
  const model: ServedModel = {
    id: 'whale/one',
    created: 1_700_000_000,
    tokenizer,
    prompts: { start, chat: transcriptFormat(tokenizer, start) },
    defaults: noDefaults,
    contextLength: options.contextLength ?? 997,
    generator,
    slots: generator.slots,
    ...options.model,
  };
  const records: RequestRecord[] = [];
  const waiting: { readonly count: number; readonly done: () => void }[] = [];
  const server = await startServer(model, {
    host: '127.0.0.1',
    port: 0,
    allowedHosts: options.allowedHosts ?? [],
    limits: { ...patient, ...options.limits },
    onRequest: (record) => {
      records.push(record);
      for (const { count, done } of waiting) if (records.length >= count) done();
    },
  });
  const test: TestServer = {
    server,
    model,
    generator,
    port: Number(new URL(server.url).port),
    client: new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'none', maxRetries: 0 }),
    records,
    over: (count) =>
      new Promise((done) => {
        if (records.length >= count) done();
        waiting.push({ count, done });
      }),
  };
  started.push(test);
  return test;
}

/** Everything that a stream gives. */
export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

/** A connection that can be used wrongly. */
export class RawClient {
  readonly socket: Socket;
  readonly #chunks: string[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.setEncoding('utf8');
    this.socket.on('data', (text: string) => this.#chunks.push(text));
    this.socket.on('error', () => {});
  }

  get received(): string {
    return this.#chunks.join('');
  }

  send(text: string): this {
    this.socket.write(text);
    return this;
  }

  /** Waits until a text has come; fails if the connection ends without it. */
  until(text: string): Promise<void> {
    return new Promise((done, failed) => {
      let last = '';
      const look = (chunk: string) => {
        last = last.slice(-text.length) + chunk;
        if (last.includes(text)) done();
      };
      look(this.received);
      this.socket.on('data', look);
      void this.closed().then(() => failed(new Error(`closed without ${JSON.stringify(text)}: ${this.received}`)));
    });
  }

  /** Waits until the connection is closed. */
  closed(): Promise<void> {
    return new Promise((done) => {
      if (this.socket.closed) done();
      this.socket.on('close', () => done());
    });
  }
}

/** The first lines of a request with a JSON body. */
export function post(path: string, length: number, headers: readonly string[] = []): string {
  const lines = [
    `POST ${path} HTTP/1.1`,
    'host: localhost',
    'content-type: application/json',
    `content-length: ${length}`,
  ];
  return `${[...lines, ...headers].join('\r\n')}\r\n\r\n`;
}

/** A whole request with a JSON body. */
export function postBody(path: string, body: object, headers: readonly string[] = []): string {
  const text = JSON.stringify(body);
  return post(path, Buffer.byteLength(text), headers) + text;
}
