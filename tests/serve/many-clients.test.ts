// Many clients at once: nothing is lost, mixed up or left running.

import { describe, expect, it, vi } from 'vitest';
import { fakeText } from './fake-generator.ts';
import { collect, promptIds, serve } from './with-server.ts';

const model = 'whale/one';

describe('64 clients at once', () => {
  it('get what each of them gets alone, whole or streamed', async () => {
    const { client, generator, server, over } = await serve({ slots: 7 });
    generator.hold();
    const answers = Array.from({ length: 64 }, async (_, i) => {
      const request = { model, prompt: `Client ${i}`, seed: i, max_tokens: 13 + (i % 29) };
      const wanted = fakeText(promptIds(request.prompt), i, request.max_tokens);
      if (i % 2 === 0) return [(await client.completions.create(request)).choices[0]?.text, wanted];
      const chunks = await collect(await client.completions.create({ ...request, stream: true }));
      return [chunks.map(({ choices }) => choices[0]?.text).join(''), wanted];
    });
    await expect.poll(() => generator.requests.length).toBe(64);
    generator.resume();
    for (const [text, wanted] of await Promise.all(answers)) expect(text).toBe(wanted);
    expect(generator.mostRunning).toBe(7);
    await over(64);
    expect([server.active, generator.load]).toEqual([0, { running: 0, waiting: 0 }]);
  });

  it('of which some leave take nothing from the others', async () => {
    const { client, generator, over } = await serve({ slots: 7 });
    generator.hold();
    const answers = Array.from({ length: 64 }, (_, i) => {
      const controller = new AbortController();
      const request = { model, prompt: `Client ${i}`, seed: i, max_tokens: 31, stream: true } as const;
      const answer = client.completions.create(request, { signal: controller.signal }).then(collect);
      return { i, controller, answer };
    });
    await expect.poll(() => generator.requests.length).toBe(64);
    const leaving = answers.filter(({ i }) => i % 3 === 0);
    for (const { controller, answer } of leaving) {
      controller.abort();
      await expect(answer).rejects.toThrow('aborted');
    }
    await over(leaving.length);
    generator.resume();
    for (const { i, answer } of answers.filter(({ i }) => i % 3 !== 0)) {
      const text = (await answer).map(({ choices }) => choices[0]?.text).join('');
      expect(text).toBe(fakeText(promptIds(`Client ${i}`), i, 31));
    }
  });
});

describe('the queue', () => {
  it('is full when as many choices wait as may: the next request is sent away, later ones are not', async () => {
    const { client, generator } = await serve({ slots: 2, limits: { maxQueue: 3 } });
    generator.hold();
    const ask = (n: number) => client.completions.create({ model, prompt: 'a', n, max_tokens: 3 });
    const waiting = [ask(2), ask(2)];
    await expect.poll(() => generator.requests.length).toBe(4);
    await expect(ask(2)).rejects.toMatchObject({ status: 429, code: 'queue_full', type: 'rate_limit_error' });
    waiting.push(ask(1));
    generator.resume();
    expect((await Promise.all(waiting)).map(({ choices }) => choices.length)).toEqual([2, 2, 1]);
    expect((await ask(5)).choices).toHaveLength(5);
  });

  it('is what the client waits for by itself: it tries again', async () => {
    const { client, generator, records, over } = await serve({ slots: 1, limits: { maxQueue: 1 } });
    const patient = client.withOptions({ maxRetries: 1000 });
    generator.hold();
    const first = client.completions.create({ model, prompt: 'a', n: 2, max_tokens: 3 });
    await expect.poll(() => generator.requests.length).toBe(2);
    const second = patient.completions.create({ model, prompt: 'b', max_tokens: 3, seed: 1 });
    await over(1); // sent away
    generator.resume();
    await first;
    expect((await second).choices[0]?.text).toBe(fakeText(promptIds('b'), 1, 3));
    await expect.poll(() => records.filter(({ status }) => status === 200).length).toBe(2);
    expect(new Set(records.map(({ status }) => status))).toEqual(new Set([429, 200]));
  });
});

describe('an answer that takes too long', () => {
  it.each([false, true])('is ended, and the client told so, once (stream: %s)', async (stream) => {
    const { client, generator, records } = await serve({ limits: { answerSeconds: 0.02 } });
    generator.hold();
    const request = client.withOptions({ maxRetries: 2 }).completions.create({ model, prompt: 'a', n: 13, stream });
    await expect(request).rejects.toMatchObject({ status: 504, code: 'timeout', type: 'server_error' });
    expect(records).toHaveLength(1);
    expect(generator.load).toEqual({ running: 0, waiting: 0 });
  });

  it('ends a stream that has begun with an error', async () => {
    const { client, generator } = await serve({ limits: { answerSeconds: 7 } });
    generator.hold();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }); // the time is up when the test says so
    try {
      const answer = client.completions.create({ model, prompt: 'a', seed: 1, max_tokens: 900, stream: true });
      await expect.poll(() => generator.requests.length).toBe(1);
      generator.resume(1);
      const stream = await answer;
      vi.advanceTimersByTime(7000);
      await expect(collect(stream)).rejects.toMatchObject({ error: { code: 'timeout', type: 'server_error' } });
    } finally {
      vi.useRealTimers();
    }
  });
});
