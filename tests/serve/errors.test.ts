// Whatever is wrong with a request is said in the API's own form, by the right status, and about the right parameter.

import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { promptIds, serve, type TestOptions } from './with-server.ts';

const completions = '/v1/completions';
const chat = '/v1/chat/completions';
const hello = [{ role: 'user', content: 'Hi' }];

async function ask(path: string, body: unknown, init: RequestInit = {}, options: TestOptions = {}) {
  const { server } = await serve({ contextLength: 101, ...options });
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: text, ...init });
  const answer: unknown = await response.json();
  return { status: response.status, headers: response.headers, answer };
}

function error(
  message: unknown,
  param: string | null = null,
  code: string | null = null,
  type = 'invalid_request_error',
) {
  return { error: { message, type, param, code } };
}

describe('a wrong parameter', () => {
  it.each([
    [completions, { temperature: 3 }, 'temperature', 'temperature (3) must be a number from 0 to 2'],
    [completions, { temperature: '1' }, 'temperature', 'temperature ("1") must be a number from 0 to 2'],
    [completions, { top_p: -0.1 }, 'top_p', 'top_p (-0.1) must be a number from 0 to 1'],
    [completions, { max_tokens: -1 }, 'max_tokens', expect.stringContaining('must be an integer from 0 to')],
    [completions, { n: 129 }, 'n', 'n (129) must be an integer from 1 to 128'],
    [completions, { seed: 1.5 }, 'seed', expect.stringContaining('seed (1.5) must be an integer')],
    [completions, { stop: '' }, 'stop', 'stop ("") must be a text that is not empty'],
    [completions, { stop: ['a', ''] }, 'stop[1]', 'stop[1] ("") must be a text that is not empty'],
    [completions, { stop: 7 }, 'stop', 'stop (7) must be a text or up to 4 texts, none of them empty'],
    [completions, { stop: ['a', 'b', 'c', 'd', 'e'] }, 'stop', expect.stringContaining('up to 4 texts')],
    [completions, { stream: 'yes' }, 'stream', 'stream ("yes") must be true or false'],
    [completions, { logprobs: 6 }, 'logprobs', 'logprobs (6) must be an integer from 0 to 5'],
    [completions, { prompt: 7 }, 'prompt', expect.stringMatching(/^prompt must be a text/)],
    [completions, { prompt: [] }, 'prompt', expect.stringMatching(/^prompt must be a text/)],
    [completions, { prompt: ['a', 1] }, 'prompt', expect.stringMatching(/^prompt must be a text/)],
    [completions, { prompt: [[]] }, 'prompt', expect.stringMatching(/^prompt must be a text/)],
    [completions, { prompt: [1, 261] }, 'prompt', 'prompt has the token id 261; the vocabulary has 0 to 260'],
    [completions, { prompt: [[-1]] }, 'prompt', 'prompt has the token id -1; the vocabulary has 0 to 260'],
    [completions, { best_of: 2 }, 'best_of', expect.stringContaining('must equal n')],
    [
      completions,
      { stream_options: { usage: 1 } },
      'stream_options.usage',
      'stream_options has an unknown key "usage"',
    ],
    [chat, {}, 'messages', 'messages is missing: expected a list of 1 to 1024 messages'],
    [chat, { messages: [] }, 'messages', 'messages ([...]) must be a list of 1 to 1024 messages'],
    [chat, { messages: ['a'] }, 'messages[0]', 'messages[0] ("a") must be an object with role and content'],
    [chat, { messages: [...hello, { role: 'tool' }] }, 'messages[1].role', expect.stringContaining('one of system')],
    [
      chat,
      { messages: [{ role: 'user' }] },
      'messages[0].content',
      expect.stringContaining('is missing: expected a text'),
    ],
    [
      chat,
      { messages: [{ role: 'user', content: null }] },
      'messages[0].content',
      expect.stringContaining('(null) must be a text'),
    ],
    [
      chat,
      { messages: [{ ...hello[0], colour: 'red' }] },
      'messages[0].colour',
      'messages[0] has an unknown key "colour"',
    ],
    [chat, { messages: hello, max_tokens: 0 }, 'max_tokens', expect.stringContaining('an integer from 1')],
    [
      chat,
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] },
      'messages[0].content',
      expect.stringContaining('nothing but text is supported'),
    ],
    [chat, { messages: hello, top_logprobs: 2 }, 'top_logprobs', 'top_logprobs needs logprobs to be true'],
    [
      chat,
      { messages: hello, max_tokens: 2, max_completion_tokens: 2 },
      'max_tokens',
      expect.stringContaining('left out'),
    ],
  ])('%s %j is named', async (path, body, param, message) => {
    const { status, answer } = await ask(path, body);
    const isUnknown = param === 'stream_options.usage' || param === 'messages[0].colour';
    expect(answer).toEqual(error(message, param, isUnknown ? 'unknown_parameter' : null));
    expect(status).toBe(400);
  });

  it.each([
    [completions, { frequency_penalty: 0.1 }, 'frequency_penalty'],
    [completions, { logit_bias: { 5: 1 } }, 'logit_bias'],
    [completions, { suffix: 'x' }, 'suffix'],
    [chat, { messages: hello, tools: [{ type: 'function' }] }, 'tools'],
    [chat, { messages: hello, response_format: { type: 'json_object' } }, 'response_format'],
    [chat, { messages: [{ ...hello[0], tool_calls: [1] }] }, 'messages[0].tool_calls'],
    [chat, { messages: [{ ...hello[0], prefix: true }] }, 'messages[0].prefix'],
    [chat, { messages: [{ ...hello[0], function_call: { name: 'x' } }] }, 'messages[0].function_call'],
  ])('%s %j is refused where it asks for what is not supported', async (path, body, param) => {
    const { status, answer } = await ask(path, body);
    const message = expect.stringMatching(/must be left out: it is not supported$/);
    expect(answer).toEqual(error(message, param, 'unsupported_parameter'));
    expect(status).toBe(400);
  });

  it('is accepted where it asks for nothing, or concerns other services only', async () => {
    const nothing = { frequency_penalty: 0, presence_penalty: null, logit_bias: {}, user: 'me', n: null };
    const more = {
      tools: [],
      tool_choice: 'none',
      response_format: { type: 'text' },
      store: false,
      metadata: { a: 'b' },
    };
    expect((await ask(completions, { ...nothing, suffix: '', best_of: 1 })).status).toBe(200);
    expect((await ask(chat, { ...nothing, ...more, messages: hello, max_tokens: 2 })).status).toBe(200);
  });

  it('is met with the nearest name if nobody knows it', async () => {
    const { status, answer } = await ask(completions, { temprature: 1 });
    const message = 'Unknown parameter "temprature"; did you mean temperature?';
    expect([status, answer]).toEqual([400, error(message, 'temprature', 'unknown_parameter')]);
  });
});

describe('a request', () => {
  it('for another model is an error the client knows', async () => {
    const { client } = await serve();
    const failure = await client.completions.create({ model: 'gpt-9', prompt: 'a' }).catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(OpenAI.NotFoundError);
    expect(failure).toMatchObject({ status: 404, code: 'model_not_found', param: 'model' });
    await expect(client.models.retrieve('gpt-9')).rejects.toThrow(OpenAI.NotFoundError);
  });

  it.each([
    ['a text', { prompt: 'a'.repeat(100) }, '101 tokens'],
    ['ids', { prompt: new Array(101).fill(1) }, '101 tokens'],
    ['a text that is not even encoded', { prompt: 'a'.repeat(500) }, '500 characters'],
  ])('with a prompt longer than the context is refused: %s', async (_what, body, length) => {
    const { status, answer } = await ask(completions, body);
    const message = `The prompt has ${length}, but the model's context is 101 tokens, the answer included; shorten it.`;
    expect([status, answer]).toEqual([400, error(message, null, 'context_length_exceeded')]);
  });

  it('with more choices than may ever wait is refused', async () => {
    const options = { slots: 2, limits: { maxQueue: 3 } };
    const { status, answer } = await ask(completions, { prompt: ['a', 'b'], n: 3 }, {}, options);
    expect([status, answer]).toEqual([400, error('2 prompts with n 3 are more than 5 choices; ask for fewer.')]);
  });

  it.each([
    ['/', 'GET', 404, null],
    ['/v1/embeddings', 'POST', 404, null],
    ['/v1/models/%', 'GET', 404, null],
    ['/v1/completions', 'GET', 405, 'POST'],
    ['/v1/completions?x=1', 'DELETE', 405, 'POST'],
    ['/v1/models', 'POST', 405, 'GET'],
  ])('for %s by %s is answered with %d', async (path, method, status, allow) => {
    const result = await ask(path, null, { method, body: null });
    expect(result.answer).toEqual(
      error(
        expect.any(String),
        expect.toSatisfy(() => true),
        expect.toSatisfy(() => true),
      ),
    );
    expect([result.status, result.headers.get('allow')]).toEqual([status, allow]);
  });

  it.each([
    ['broken JSON', '{"prompt": ', 400, /^The body is not JSON: /],
    ['an empty body', '', 400, /^The body is not JSON: /],
    ['a list', '[1]', 400, /^The body must be a JSON object/],
    ['null', 'null', 400, /^The body must be a JSON object/],
    ['deep nesting', `{"prompt": ${'['.repeat(300_000)}${']'.repeat(300_000)}}`, 400, /^prompt must be/],
    ['too much', JSON.stringify({ prompt: 'a'.repeat(1_000_000) }), 413, /^The body is larger than 1000000 bytes/],
  ])('with %s is refused', async (_what, body, status, message) => {
    const { status: found, answer } = await ask(completions, body);
    expect(answer).toMatchObject(
      error(
        expect.stringMatching(message),
        expect.toSatisfy(() => true),
        expect.toSatisfy(() => true),
      ),
    );
    expect(found).toBe(status);
  });

  it('with bytes that are not UTF-8 is refused', async () => {
    const { status, answer } = await ask(completions, '', { body: new Uint8Array([0x7b, 0xff, 0x7d]) });
    expect([status, answer]).toEqual([400, error('The body is not JSON: it is not UTF-8.')]);
  });

  it.each([{ 'content-type': 'text/plain' }, { 'content-type': 'application/json', 'content-encoding': 'gzip' }])(
    'with the headers %j is refused',
    async (headers) => {
      const { status, answer } = await ask(completions, { prompt: 'a' }, { headers });
      expect([status, answer]).toEqual([415, error(expect.any(String))]);
    },
  );
});

describe('a generator that fails', () => {
  const failing = (thrown: Error) => ({
    async *submit() {
      yield* [];
      throw thrown;
    },
    load: { running: 0, waiting: 0 },
    dispose: async () => {},
  });

  it('with an error for the user hands it on', async () => {
    const options = { model: { generator: failing(new UserError('generate: no room')) } };
    const { status, answer } = await ask(completions, { prompt: 'a' }, {}, options);
    expect([status, answer]).toEqual([400, error('generate: no room')]);
  });

  it.each([false, true])('with a bug keeps it for the log (stream: %s)', async (stream) => {
    const bug = new Error('secret path');
    const { client, records, over } = await serve({ model: { generator: failing(bug) } });
    const request = { model: 'whale/one', prompt: 'a', stream };
    await expect(client.completions.create(request)).rejects.toThrow(OpenAI.InternalServerError);
    await over(1);
    expect(records[0]).toMatchObject({ status: 500, bug, problem: 'The server failed; its log says how.' });
  });
});

describe('the log', () => {
  it('has what was asked, what came of it and what it cost', async () => {
    const { client, records, over } = await serve();
    await client.completions.create({ model: 'whale/one', prompt: 'ab', max_tokens: 3 });
    await client.models.list();
    await over(2);
    const usage = { prompt_tokens: promptIds('ab').length, completion_tokens: 3, total_tokens: 6 };
    expect(records).toEqual([
      { method: 'POST', path: completions, status: 200, seconds: expect.any(Number), usage, problem: null, bug: null },
      {
        method: 'GET',
        path: '/v1/models',
        status: 200,
        seconds: expect.any(Number),
        usage: null,
        problem: null,
        bug: null,
      },
    ]);
  });
});
