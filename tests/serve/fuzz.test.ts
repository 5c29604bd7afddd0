// Whatever is sent, there is an answer or an error of the API, and the server goes on.

import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import { ApiError } from '../../src/serve/api-error.ts';
import { choicesOf } from '../../src/serve/call.ts';
import { parseChatRequest } from '../../src/serve/chat-request.ts';
import { parseCompletionRequest } from '../../src/serve/completion-request.ts';
import { defaultLimits } from '../../src/serve/limits.ts';
import { fuzzRuns } from '../fuzz-runs.ts';
import { post, RawClient, serve, tokenizer } from './with-server.ts';

const errorShape = z.strictObject({
  error: z.strictObject({
    message: z.string().min(1),
    type: z.string().min(1),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

const answerShape = z.looseObject({ id: z.string(), choices: z.array(z.unknown()).min(1), usage: z.looseObject({}) });

const number = fc.oneof(fc.integer({ min: -2, max: 9 }), fc.double(), fc.maxSafeInteger());
const anything = fc.oneof(fc.jsonValue({ maxDepth: 3 }), number, fc.string({ unit: 'grapheme' }), fc.constant(null));
const message = fc.oneof(
  anything,
  fc.record({ role: fc.oneof(fc.constantFrom('system', 'user', 'assistant', 'tool'), anything), content: anything }),
);

/** A value that a parameter might have, right or not. */
const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  prompt: fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.integer({ min: -1, max: 262 })), fc.array(fc.string())),
  messages: fc.array(message, { maxLength: 5 }),
  stop: fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 5 })),
  stream_options: fc.record({ include_usage: fc.boolean() }, { requiredKeys: [] }),
  ...Object.fromEntries(['echo', 'stream', 'logprobs', 'store'].map((key) => [key, fc.boolean()])),
  ...Object.fromEntries(
    ['temperature', 'top_p', 'max_tokens', 'n', 'seed', 'top_k', 'min_p', 'top_logprobs', 'best_of'].map((key) => [
      key,
      number,
    ]),
  ),
  ...Object.fromEntries(
    ['model', 'tools', 'suffix', 'logit_bias', '__proto__', 'toString'].map((key) => [key, anything]),
  ),
};

const entry = fc
  .constantFrom(...Object.keys(values))
  .chain((key) => fc.oneof({ weight: 4, arbitrary: values[key]! }, anything).map((value) => [key, value] as const));

/** A body, in JSON; keys may repeat. */
const body = fc.array(entry, { maxLength: 6 }).map((entries) => {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(', ')}}`;
});

/** The text with a few characters changed. */
const damaged = fc
  .tuple(body, fc.nat(200), fc.string({ maxLength: 3 }))
  .map(([text, at, piece]) => text.slice(0, at) + piece + text.slice(at + 1));

function checkText(status: number, type: string | null, text: string): void {
  if (type?.startsWith('text/event-stream')) {
    const events = text.trimEnd().split('\n\n');
    for (const event of events) expect(event).toMatch(/^data: (\{.*\}|\[DONE\])$/);
    expect(events.at(-1)).toBe('data: [DONE]');
  } else if (status === 200) answerShape.parse(JSON.parse(text));
  else {
    const { error } = errorShape.parse(JSON.parse(text));
    // What zod says of its own accord is for programmers.
    expect(error.message).not.toMatch(/Invalid input|Too (small|big)|Unrecognized|undefined/);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
  }
}

describe('a request of any kind (property)', () => {
  it.each(['/v1/completions', '/v1/chat/completions'])('gets an answer or an error from %s', async (path) => {
    const { server, records } = await serve({ contextLength: 83 });
    const headers = { 'content-type': 'application/json' };
    await fc.assert(
      fc.asyncProperty(fc.oneof(body, damaged), async (text) => {
        const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: text });
        checkText(response.status, response.headers.get('content-type'), await response.text());
      }),
      { numRuns: fuzzRuns(300) },
    );
    expect(records.filter(({ bug }) => bug !== null)).toEqual([]);
  });

  it('has a body of any bytes', async () => {
    const { server } = await serve();
    const headers = { 'content-type': 'application/json' };
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (bytes) => {
        const init = { method: 'POST', headers, body: new Uint8Array(bytes) };
        const response = await fetch(`${server.url}/v1/completions`, init);
        checkText(response.status, response.headers.get('content-type'), await response.text());
      }),
      { numRuns: fuzzRuns(100) },
    );
  });

  it('is not even HTTP: the connection ends, with an error or not, and the next one is served', async () => {
    const { server, port } = await serve({ limits: { requestSeconds: 0.05 } });
    const start = fc.constantFrom(
      '',
      'GET / HTTP/1.1\r\n',
      'POST /v1/completions HTTP/1.1\r\nhost: localhost\r\n',
      post('/v1/completions', 9),
    );
    await fc.assert(
      fc.asyncProperty(start, fc.string({ unit: 'binary', maxLength: 60 }), async (head, rest) => {
        const client = new RawClient(port).send(head + rest);
        client.socket.end();
        await client.closed();
      }),
      { numRuns: fuzzRuns(100) },
    );
    expect((await fetch(`${server.url}/v1/models`)).status).toBe(200);
  });
});

describe('a body that is a million of something', () => {
  const million = 'x'.repeat(333_000).split('');
  const bodies: readonly (readonly [what: string, body: Record<string, unknown>])[] = [
    ['prompt', { prompt: million.map(() => '') }],
    ['ids', { prompt: million.map(() => 1) }],
    ['lists of ids', { prompt: million.slice(0, 200_000).map(() => [1]) }],
    ['stops', { stop: million.map(() => 1) }],
    ['messages', { messages: million.map(() => 1) }],
    ['parts of a message', { messages: [{ role: 'user', content: million.map(() => 1) }] }],
    ['unknown keys', Object.fromEntries(million.slice(0, 100_000).map((_, i) => [i, 1]))],
    ['long key', { [million.join('')]: 1 }],
  ];
  const isChat = (body: object) => 'messages' in body;

  it.each(bodies)('is refused before anything is encoded or generated: %s', async (_what, body) => {
    const { server, generator } = await serve();
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(body) };
    const encode = vi.spyOn(tokenizer, 'encode');
    const response = await fetch(`${server.url}/v1/${isChat(body) ? 'chat/' : ''}completions`, init);
    const encoded = encode.mock.calls.length;
    encode.mockRestore();
    expect([response.status, encoded, generator.requests]).toEqual([400, 0, []]);
    checkText(response.status, response.headers.get('content-type'), await response.text());
  });

  it.each(bodies)('costs a few looks at each of them: %s', async (_what, body) => {
    const { model } = await serve();
    const counted = countLooks(body);
    const parse = async () => {
      if (isChat(body)) await parseChatRequest(counted, model);
      else choicesOf(await parseCompletionRequest(counted, model, defaultLimits), model, defaultLimits);
    };
    await expect(parse()).rejects.toThrow(ApiError);
  });
});

/** The value; it throws when it and what it holds have been looked at ten times for each of its parts. */
function countLooks<T extends object>(value: T): T {
  const most = 10 * countParts(value) + 1000; // a schema looks for each parameter there is
  let looks = 0;
  const counted =
    <Args extends unknown[], Result>(look: (...args: Args) => Result) =>
    (...args: Args): Result => {
      if (++looks > most) throw new Error(`more than ${most} looks`);
      return look(...args);
    };
  const watch = (part: object): object =>
    new Proxy(part, {
      get: counted((target: object, key: PropertyKey) => {
        const found: unknown = Reflect.get(target, key);
        return typeof found === 'object' && found !== null ? watch(found) : found;
      }),
      has: counted(Reflect.has),
      getOwnPropertyDescriptor: counted(Reflect.getOwnPropertyDescriptor),
    });
  return watch(value) as T;
}

/** All keys in it, however deep. */
function countParts(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, part) => sum + 1 + countParts(part), 0);
}
