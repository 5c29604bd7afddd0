import { describe, expect, it } from 'vitest';
import { type ChatMessage, transcript } from '../../src/generate/chat/chat-prompt.ts';
import { fakeText, fakeToken } from './fake-generator.ts';
import { collect, promptIds, serve, tokenizer } from './with-server.ts';

const model = 'whale/one';
const messages = [{ role: 'user', content: 'Hi' }] as const;
const ids = promptIds(transcript([...messages]));

describe('POST /v1/chat/completions', () => {
  it('answers a conversation and counts tokens', async () => {
    const { client, generator } = await serve();
    const answer = await client.chat.completions.create({ model, messages: [...messages], seed: 7, max_tokens: 11 });
    expect(answer).toMatchObject({
      object: 'chat.completion',
      model,
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: fakeText(ids, 7, 11), refusal: null },
          logprobs: null,
          finish_reason: 'length',
        },
      ],
      usage: { prompt_tokens: ids.length, completion_tokens: 11, total_tokens: ids.length + 11 },
    });
    expect(answer.id).toMatch(/^chatcmpl-[0-9a-f]{32}$/);
    expect(generator.requests[0]?.stop).toEqual(['\n\nUser:']);
  });

  it('fills the context, or the limit, where no length is asked for', async () => {
    const { client, generator } = await serve({ contextLength: 61, limits: { maxTokens: 43 } });
    const ask = (content: string) => client.chat.completions.create({ model, messages: [{ role: 'user', content }] });
    const length = (content: string) => promptIds(transcript([{ role: 'user', content }])).length;
    await ask('a');
    await ask('a'.repeat(20));
    expect(generator.requests.map(({ maxNewTokens }) => maxNewTokens)).toEqual([
      61 - length('a'),
      61 - length('a'.repeat(20)),
    ]);
  });

  it('reads roles and parts of text', async () => {
    const { client, generator } = await serve();
    await client.chat.completions.create({
      model,
      max_completion_tokens: 1,
      messages: [
        { role: 'developer', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'H' },
            { type: 'text', text: 'i' },
          ],
          name: 'Ishmael',
        },
        { role: 'assistant', content: 'Yes?' },
        { role: 'user', content: 'Go on' },
      ],
    });
    const wanted: ChatMessage[] = [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
      { role: 'assistant', content: 'Yes?' },
      { role: 'user', content: 'Go on' },
    ];
    expect(generator.requests[0]?.promptIds).toEqual(promptIds(transcript(wanted)));
    expect(generator.requests[0]?.maxNewTokens).toBe(1);
  });

  it("takes an assistant's message without text, and what programs add to messages and parts", async () => {
    const { client, generator } = await serve();
    const part = { type: 'text', text: 'b', cache_control: { type: 'ephemeral' } };
    const conversations = [
      [{ role: 'assistant', content: null, refusal: 'no' }],
      [{ role: 'assistant', tool_calls: [] }],
      [{ role: 'assistant', content: '', reasoning_content: 'hm', id: 'msg_1', annotations: [], audio: null }],
    ];
    for (const answer of conversations) {
      const messages = [{ role: 'user', content: 'a' }, ...answer, { role: 'user', content: [part], name: 'me' }];
      await client.chat.completions.create({ model, max_tokens: 1, messages: messages as never });
    }
    const [first, ...rest] = generator.requests.map(({ promptIds: ids }) => tokenizer.decode(ids));
    expect(first).toBe('User:\na\n\nAssistant:\n\n\nUser:\nb\n\nAssistant:\n');
    expect(rest).toEqual([first, first]);
  });

  it('takes an answer back as the client has it', async () => {
    const { client } = await serve();
    const ask = { role: 'user', content: 'a' } as const;
    const first = await client.chat.completions.create({ model, max_tokens: 3, messages: [ask] });
    const again = { model, max_tokens: 3, messages: [ask, first.choices[0]!.message, ask] };
    expect((await client.chat.completions.create(again)).choices).toHaveLength(1);
  });

  it('streams: first the role of every answer, then its text, then why it ended', async () => {
    const { client } = await serve();
    const options = { include_usage: true };
    const request = { model, messages: [...messages], n: 3, seed: 7, max_tokens: 13, stream_options: options };
    const chunks = await collect(await client.chat.completions.create({ ...request, stream: true }));
    for (const index of [0, 1, 2]) {
      const own = chunks.flatMap(({ choices }) => choices.filter((choice) => choice.index === index));
      expect(own[0]?.delta).toEqual({ role: 'assistant', content: '' });
      expect(own.map(({ delta }) => delta.content ?? '').join('')).toBe(fakeText(ids, 7 + index, 13));
      expect(own.map((choice) => choice.finish_reason).filter((reason) => reason !== null)).toEqual(['length']);
      expect(own.at(-1)?.finish_reason).toBe('length');
    }
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: { completion_tokens: 39, prompt_tokens: ids.length } });
    expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true);
  });

  it('works with the helpers of the client for streams', async () => {
    const { client } = await serve();
    const runner = client.chat.completions.stream({ model, messages: [...messages], seed: 7, max_tokens: 29 });
    expect(await runner.finalContent()).toBe(fakeText(ids, 7, 29));
  });

  it.each([false, true])('reports probabilities, with the bytes of each token (stream: %s)', async (stream) => {
    const { client } = await serve();
    const request = { model, messages: [...messages], seed: 7, max_tokens: 47, logprobs: true, top_logprobs: 2 };
    const answers = stream
      ? await collect(await client.chat.completions.create({ ...request, stream: true }))
      : [await client.chat.completions.create(request)];
    const content = answers.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? []);
    const tokens = Array.from({ length: 47 }, (_, place) => fakeToken(ids, 7, place));
    expect(content.map(({ bytes }) => bytes)).toEqual(tokens.map((id) => [...tokenizer.decodeBytes([id])]));
    expect(content[0]).toMatchObject({
      logprob: -0.5,
      top_logprobs: [
        { token: 'a', logprob: -1, bytes: [97] },
        { token: 'b', logprob: -2, bytes: [98] },
      ],
    });
  });
});
