// The official client against the server: what it asks for is what it gets.

import { describe, expect, it } from 'vitest';
import { transcriptFormat } from '../../src/generate/chat/chat-prompt.ts';
import { fakeText, fakeToken } from './fake-generator.ts';
import { collect, promptIds, serve, tokenizer } from './with-server.ts';

const model = 'whale/one';

describe('GET /v1/models', () => {
  it('lists the model, and shows it by its name', async () => {
    const { client } = await serve();
    const wanted = { id: model, object: 'model', created: 1_700_000_000, owned_by: 'tinyseek' };
    expect((await client.models.list()).data).toEqual([wanted]);
    expect(await client.models.retrieve(model)).toMatchObject(wanted);
  });
});

const wanted = {
  sampling: { temperature: 0.6, topK: 20, topP: 0.95, minP: 0.1, repetitionPenalty: 1.2 },
  maxNewTokens: 9,
  notes: [],
};

describe('a model whose folder wants its own sampling', () => {
  it('is sampled so, unless a request says otherwise', async () => {
    const { client, generator } = await serve({ model: { defaults: wanted } });
    await client.completions.create({ model, prompt: 'a', seed: 1 });
    await client.completions.create({ model, prompt: 'a', seed: 1, temperature: 0, max_tokens: 3 });
    const messages = [{ role: 'user', content: 'a' }] as const;
    await client.chat.completions.create({ model, messages: [...messages], seed: 1 });
    expect(generator.requests.map(({ sampling }) => sampling)).toEqual([
      { ...wanted.sampling, seed: 1 },
      { ...wanted.sampling, temperature: 0, seed: 1 },
      { ...wanted.sampling, seed: 1 },
    ]);
    // The API has a default of 16 for completions, and none for chat.
    expect(generator.requests.map(({ maxNewTokens }) => maxNewTokens)).toEqual([16, 3, 9]);
  });

  it('begins an empty prompt with a token of its own where prompts begin with nothing', async () => {
    const chat = transcriptFormat(tokenizer, []);
    const { client, generator } = await serve({ model: { prompts: { start: [], chat } } });
    await client.completions.create({ model, prompt: '' });
    await client.completions.create({ model, prompt: 'a' });
    expect(generator.requests.map(({ promptIds }) => promptIds)).toEqual([
      [tokenizer.bosTokenId],
      Array.from(tokenizer.encode('a')),
    ]);
  });
});

describe('POST /v1/completions', () => {
  it('continues a text and counts tokens', async () => {
    const { client, generator } = await serve();
    const answer = await client.completions.create({ model, prompt: 'Call me', seed: 7, max_tokens: 11 });
    const text = fakeText(promptIds('Call me'), 7, 11);
    expect(answer).toMatchObject({
      object: 'text_completion',
      model,
      choices: [{ index: 0, text, logprobs: null, finish_reason: 'length' }],
      usage: { prompt_tokens: 8, completion_tokens: 11, total_tokens: 19 },
    });
    expect(answer.id).toMatch(/^cmpl-[0-9a-f]{32}$/);
    expect(generator.requests).toHaveLength(1);
  });

  it('hands every parameter of sampling on, with the defaults of the API', async () => {
    const { client, generator } = await serve();
    const extra = { top_k: 13, min_p: 0.03, repetition_penalty: 1.1 };
    const given = { temperature: 0.3, top_p: 0.7, seed: 5, max_tokens: 3, stop: '\u0000' };
    await client.completions.create({ model, prompt: 'a', ...given, ...extra });
    await client.completions.create({ model, prompt: 'a', seed: null, stop: null, logprobs: null });
    expect(generator.requests[0]).toMatchObject({
      sampling: { temperature: 0.3, topP: 0.7, topK: 13, minP: 0.03, repetitionPenalty: 1.1, seed: 5 },
      stop: ['\u0000'],
      maxNewTokens: 3,
      topLogprobs: null,
    });
    expect(generator.requests[1]).toMatchObject({
      sampling: { temperature: 1, topP: 1, topK: 0, minP: 0, repetitionPenalty: 1 },
      stop: [],
      maxNewTokens: 16,
    });
  });

  it('streams the same text, with counts at the end if asked to', async () => {
    const { client } = await serve();
    const whole = { model, prompt: 'Call me', seed: 7, max_tokens: 23 } as const;
    const stream = await client.completions.create({ ...whole, stream: true, stream_options: { include_usage: true } });
    const chunks = await collect(stream);
    const text = fakeText(promptIds('Call me'), 7, 23);
    expect(chunks.map(({ choices }) => choices[0]?.text ?? '').join('')).toBe(text);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('length');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { prompt_tokens: 8, completion_tokens: 23 } });
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
  });

  it('takes several texts, token ids, and lists of them, and n answers to each with seeds that follow', async () => {
    const { client } = await serve();
    const ask = async (prompt: string[] | number[] | number[][], n: number) => {
      const { choices, usage } = await client.completions.create({ model, prompt, n, seed: 7, max_tokens: 5 });
      expect(choices.map(({ index }) => index)).toEqual(choices.map((_, i) => i));
      return [choices.map(({ text }) => text), usage];
    };
    const wanted = (prompts: number[][]) => prompts.flatMap((ids) => [7, 8, 9].map((seed) => fakeText(ids, seed, 5)));
    const usage = { prompt_tokens: 5, completion_tokens: 30, total_tokens: 35 };
    expect(await ask(['ab', 'c'], 3)).toEqual([wanted([promptIds('ab'), promptIds('c')]), usage]);
    expect(
      await ask(
        [
          [3, 1, 4],
          [1, 5],
        ],
        3,
      ),
    ).toEqual([
      wanted([
        [3, 1, 4],
        [1, 5],
      ]),
      usage,
    ]);
    expect((await ask([3, 1, 4], 3))[0]).toEqual(wanted([[3, 1, 4]]));
  });

  it('streams many answers at once, each in order', async () => {
    const { client } = await serve();
    const prompts = ['x', 'yy', 'zzz'];
    const stream = await client.completions.create({
      model,
      prompt: prompts,
      n: 2,
      seed: 3,
      max_tokens: 19,
      stream: true,
    });
    const texts = Array.from({ length: 6 }, () => '');
    for await (const { choices } of stream) for (const { index, text } of choices) texts[index] += text;
    expect(texts).toEqual(prompts.flatMap((text) => [3, 4].map((seed) => fakeText(promptIds(text), seed, 19))));
  });

  it('ends at a stop text, which is not in the answer', async () => {
    const { client } = await serve();
    const text = fakeText(promptIds('stop'), 1, 41);
    const stop = [text.slice(17, 20), '@@'];
    const end = text.indexOf(stop[0]!);
    const whole = { model, prompt: 'stop', seed: 1, max_tokens: 41, stop };
    const { choices } = await client.completions.create(whole);
    expect(choices[0]).toMatchObject({ text: text.slice(0, end), finish_reason: 'stop' });
    const chunks = await collect(await client.completions.create({ ...whole, stream: true }));
    expect(chunks.map((chunk) => chunk.choices[0]!.text).join('')).toBe(text.slice(0, end));
    expect(chunks.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  it('reports probabilities, with the text and the place of each token', async () => {
    const { client } = await serve();
    const { choices } = await client.completions.create({ model, prompt: 'p', seed: 2, max_tokens: 97, logprobs: 2 });
    const logprobs = choices[0]!.logprobs!;
    const ids = Array.from({ length: 97 }, (_, place) => fakeToken(promptIds('p'), 2, place));
    const names = ids.map((id) => (id < 128 ? tokenizer.decode([id]) : `bytes:\\x${id.toString(16)}`));
    expect(names.some((name) => name.startsWith('bytes:'))).toBe(true);
    expect(logprobs.tokens).toEqual(names);
    expect(logprobs.token_logprobs).toEqual(ids.map(() => -0.5));
    expect(logprobs.top_logprobs?.[0]).toEqual({ a: -1, b: -2, [names[0]!]: -0.5 });
    // A token that completes nothing leaves the place where it is: both bytes of é begin where it does.
    const before = (i: number) =>
      Array.from(new TextDecoder().decode(tokenizer.decodeBytes(ids.slice(0, i)), { stream: true }));
    expect(logprobs.text_offset).toEqual(ids.map((_, i) => before(i).length));
  });

  it('echoes the prompt, whole and streamed', async () => {
    const { client } = await serve();
    const request = { model, prompt: 'Call me', seed: 7, max_tokens: 5, echo: true } as const;
    const text = `Call me${fakeText(promptIds('Call me'), 7, 5)}`;
    expect((await client.completions.create(request)).choices[0]?.text).toBe(text);
    const chunks = await collect(await client.completions.create({ ...request, stream: true }));
    expect(chunks.map((chunk) => chunk.choices[0]!.text).join('')).toBe(text);
  });

  it('gives fewer tokens where the context or the limit leaves no more room', async () => {
    const { client } = await serve({ contextLength: 31, limits: { maxTokens: 17 } });
    const ask = (prompt: string) => client.completions.create({ model, prompt, max_tokens: 1000 });
    expect((await ask('a'.repeat(25))).usage?.completion_tokens).toBe(5);
    expect((await ask('a')).usage?.completion_tokens).toBe(17);
    expect((await ask('a')).choices[0]?.finish_reason).toBe('length');
  });

  it('begins a document where there is no prompt', async () => {
    const { server } = await serve();
    const response = await fetch(`${server.url}/v1/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ seed: 1 }),
    });
    const answer = await response.json();
    expect(answer).toMatchObject({ choices: [{ text: fakeText([tokenizer.eosTokenId], 1, 16) }] });
  });
});
