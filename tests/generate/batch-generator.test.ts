import { describe, expect, it, vi } from 'vitest';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import { defaultSampling } from '../../src/generate/sampling/sampling.ts';
import { tokenLogprobs } from '../../src/generate/batch/token-logprobs.ts';
import { mostLikely } from '../../src/generate/sampling/token-ranking.ts';
import { collect, requestOf } from './collect.ts';
import { FakeDecoder, type FakeOptions, logitsAfter } from './fake-decoder.ts';

const tokenizer = await createTokenizer('bytes', () => []);
const V = tokenizer.vocabSize;
const sampled = (seed: number) => ({ ...defaultSampling, temperature: 1, topK: 17, seed });

function start(options: FakeOptions = {}, drafts = 0) {
  const decoder = new FakeDecoder({ vocabSize: V, ...options });
  const generator = createGenerator(decoder, tokenizer, { drafts });
  return { decoder, generator };
}

/** What greedy decoding must give. */
function greedyText(prompt: readonly number[], count: number): number[] {
  const text = [...prompt];
  while (text.length < prompt.length + count) {
    const next = mostLikely(logitsAfter(text, V));
    if (next === tokenizer.eosTokenId) break;
    text.push(next);
  }
  return text.slice(prompt.length);
}

/** A prompt of this many tokens. */
const promptOf = (length: number, salt: number) => Array.from({ length }, (_, i) => (i * 31 + salt * 7) % 256);

/** Waits for what is already due, timers included. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('a generator', () => {
  it('continues a prompt token by token, with one pass for each', async () => {
    const { generator, decoder } = start();
    const { ids, text, end } = await collect(generator.submit(requestOf([5, 7, 11])));
    expect(ids).toEqual(greedyText([5, 7, 11], 13));
    expect(text).toBe(tokenizer.decode(ids));
    expect(end).toMatchObject({ finishReason: 'length', statistics: { newTokens: 13, forwardPasses: 13, drafted: 0 } });
    expect(decoder.forwards).toHaveLength(13);
    expect(generator.load).toEqual({ running: 0, waiting: 0 });
    expect(decoder.length(0)).toBe(0);
  });

  it.each([0, 1, 3])('stops at any of several end tokens, the first one that comes, with %i drafts', async (drafts) => {
    const prompt = [5, 7, 11];
    const text = greedyText(prompt, 13);
    const ends = [text[9]!, text[4]!];
    const stopsAt = text.findIndex((id) => ends.includes(id));
    const decoder = new FakeDecoder({ vocabSize: V, draftNoise: 1 });
    const generator = createGenerator(decoder, { ...tokenizer, endTokenIds: ends }, { drafts });
    const { ids, end } = await collect(generator.submit(requestOf(prompt)));
    expect([ids, end.finishReason]).toEqual([text.slice(0, stopsAt), 'stop']);
  });

  it('goes on to its greatest length where no token ends an answer', async () => {
    const decoder = new FakeDecoder({ vocabSize: V });
    const generator = createGenerator(decoder, { ...tokenizer, eosTokenId: null, endTokenIds: [] });
    const { ids, end } = await collect(generator.submit(requestOf([5, 7, 11])));
    expect([ids.length, end.finishReason]).toEqual([13, 'length']);
  });

  it('scores a prompt that is asked for, and reports a token that ends the text at once', async () => {
    const ids = Array.from({ length: 9999 }, (_, i) => [i % 251, i % 241, 3]);
    const prompt = ids.find((some) => mostLikely(logitsAfter(some, V)) === tokenizer.eosTokenId)!;
    const { generator } = start();
    const events = async (maxNewTokens: number) => {
      const request = requestOf(prompt, { maxNewTokens, scoresPrompt: true, topLogprobs: 1 });
      const list = [];
      for await (const event of generator.submit(request)) list.push(event);
      return list;
    };
    const [scores, ending, end] = await events(1);
    expect(scores).toMatchObject({ type: 'prompt', tokens: prompt.map((id) => ({ id })) });
    const logprobs = scores?.type === 'prompt' ? scores.tokens.map(({ logprob }) => logprob) : [];
    const expected = prompt
      .slice(1)
      .map((id, i) => tokenLogprobs(logitsAfter(prompt.slice(0, i + 1), V), id, 1).logprob);
    expect(logprobs).toEqual([null, ...expected]);
    expect(ending).toMatchObject({ type: 'token', id: tokenizer.eosTokenId, text: '' });
    expect(ending?.type === 'token' && ending.logprob).toBeLessThan(0);
    expect(end).toMatchObject({ type: 'end', finishReason: 'stop', text: '', statistics: { newTokens: 1 } });
    const [scored, over] = await events(0);
    expect(scored).toEqual(scores);
    expect(over).toMatchObject({ type: 'end', finishReason: 'length', statistics: { newTokens: 0 } });
  });

  it.each([0, 1, 3])('gives a request the same text whatever runs beside it, with %i drafts', async (drafts) => {
    const requests = Array.from({ length: 23 }, (_, i) => {
      return requestOf(promptOf(1 + ((i * 5) % 17), i), { sampling: sampled(i) });
    });
    const options = { draftNoise: 1 };
    const alone = await Promise.all(
      requests.map((request) => collect(start(options, drafts).generator.submit(request))),
    );
    const { generator, decoder } = start({ ...options, slots: 5 }, drafts);
    const together = requests.map((request) => collect(generator.submit(request)));
    expect(generator.load).toEqual({ running: 0, waiting: 23 });
    expect((await Promise.all(together)).map(({ ids }) => ids)).toEqual(alone.map(({ ids }) => ids));
    expect(generator.load).toEqual({ running: 0, waiting: 0 });
    expect(decoder.texts).toEqual([[], [], [], [], []]);
  });

  it('lets a prompt in as soon as a slot is free, in order of arrival', async () => {
    const { generator, decoder } = start({ slots: 2 });
    const lengths = [11, 2, 3, 5];
    const done: number[] = [];
    await Promise.all(
      lengths.map(async (maxNewTokens, i) => {
        await collect(generator.submit(requestOf([i], { maxNewTokens })));
        done.push(i);
      }),
    );
    expect(done).toEqual([1, 2, 3, 0]);
    const firsts = decoder.forwards.flat().filter(({ tokens: [token] }) => token! < 4);
    expect(firsts.slice(0, 4).map(({ tokens: [token] }) => token)).toEqual([0, 1, 2, 3]);
  });

  it('reads a long prompt in pieces, between which others write', async () => {
    const { generator, decoder } = start({ slots: 2, capacity: 2000 });
    const short = collect(generator.submit(requestOf([3], { maxNewTokens: 7 })));
    const long = collect(generator.submit(requestOf(promptOf(1000, 1), { maxNewTokens: 2 })));
    await short;
    await long;
    const sizes = decoder.forwards.map((inputs) => inputs.map(({ tokens }) => tokens.length));
    // The first piece does not fit into the pass of the short prompt.
    expect(sizes.slice(0, 8)).toEqual([[1], [1], [256], [1], [256], [1], [256], [1]]);
    expect(sizes[8]).toEqual([232]);
    expect((await long).ids).toEqual(greedyText(promptOf(1000, 1), 2));
  });

  it('reads equal prompts that start together once', async () => {
    const { generator, decoder } = start({ slots: 3 });
    const prompt = promptOf(19, 2);
    const samples = [0, 1, 2, 3].map((seed) =>
      collect(generator.submit(requestOf([...prompt], { sampling: sampled(seed) }))),
    );
    const results = await Promise.all(samples);
    const reads = decoder.forwards.flat().filter(({ tokens }) => tokens.length === 19);
    expect(reads).toHaveLength(2); // three at once, and the fourth when a slot was free
    for (const [seed, { ids }] of results.entries()) {
      const alone = await collect(start().generator.submit(requestOf(prompt, { sampling: sampled(seed) })));
      expect(ids).toEqual(alone.ids);
    }
  });

  it('stops at the end-of-sequence token, which is not part of the text', async () => {
    const { generator } = start({ vocabSize: V });
    // Some prompt leads to the token: look for one.
    let prompt: readonly number[] = [];
    for (let salt = 0; greedyText(prompt, 30).length === 30 || prompt.length === 0; salt++)
      prompt = promptOf(3, salt * 37 + 1);
    const { ids, end } = await collect(generator.submit(requestOf(prompt, { maxNewTokens: 50 })));
    expect(ids).toEqual(greedyText(prompt, 50));
    expect(end.finishReason).toBe('stop');
    expect(end.statistics.forwardPasses).toBe(ids.length + 1);
  });

  it('stops before a stop string', async () => {
    const { generator } = start();
    const whole = tokenizer.decode(greedyText([65], 13));
    const { text, end } = await collect(generator.submit(requestOf([65], { stop: [whole.slice(3, 5)] })));
    expect([text, end.finishReason]).toEqual([whole.slice(0, 3), 'stop']);
  });

  it('ends where the context does', async () => {
    const { generator, decoder } = start({ capacity: 11 });
    const { ids, end } = await collect(generator.submit(requestOf(promptOf(9, 1), { maxNewTokens: 100 })));
    expect([ids.length, end.finishReason]).toEqual([3, 'length']);
    expect(Math.max(...decoder.forwards.flat().map(({ tokens }) => tokens.length))).toBe(9);
    const full = await collect(generator.submit(requestOf(promptOf(11, 1))));
    expect(full.ids).toHaveLength(1);
  });

  it('reports probabilities of the model itself, when asked', async () => {
    const { generator } = start();
    const { tokens } = await collect(
      generator.submit(requestOf([9], { topLogprobs: 3, sampling: { ...sampled(5), temperature: 3 } })),
    );
    const logits = logitsAfter([9], V);
    const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
    const { id, logprob, topLogprobs } = tokens[0]!;
    expect(logprob).toBeCloseTo(logits[id]! - Math.log(sum), 10);
    expect(topLogprobs).toHaveLength(3);
    expect(topLogprobs[0]).toEqual({
      id: mostLikely(logits),
      logprob: Math.max(...topLogprobs.map((top) => top.logprob)),
    });
  });
});

describe('speculation', () => {
  it.each([1, 2, 3])('with %i drafts gives the greedy text of plain decoding', async (drafts) => {
    for (const draftNoise of [0, 0.3, 2, 100]) {
      const { generator } = start({ slots: 3, draftNoise }, drafts);
      const prompts = [promptOf(3, 1), promptOf(7, 2), promptOf(2, 3), promptOf(5, 4)];
      const results = await Promise.all(
        prompts.map((prompt) => collect(generator.submit(requestOf(prompt, { maxNewTokens: 23 })))),
      );
      expect(results.map(({ ids }) => ids)).toEqual(prompts.map((prompt) => greedyText(prompt, 23)));
    }
  });

  it('needs as many passes as its drafts are right', async () => {
    const { generator } = start({ draftNoise: 0 }, 1);
    const { end } = await collect(generator.submit(requestOf([1], { maxNewTokens: 23 })));
    // one token from the prompt, then two a pass
    expect(end.statistics).toMatchObject({ newTokens: 23, forwardPasses: 12, drafted: 11, accepted: 11 });
    const wrong = start({ draftNoise: 1e6 }, 1);
    const { statistics } = (await collect(wrong.generator.submit(requestOf([1], { maxNewTokens: 23 })))).end;
    expect(statistics.newTokens).toBe(statistics.forwardPasses + statistics.accepted);
  });

  it('drafts nothing that would not fit the context or the limit', async () => {
    const { generator, decoder } = start({ capacity: 11, draftNoise: 0 }, 3);
    const { ids } = await collect(generator.submit(requestOf(promptOf(9, 1), { maxNewTokens: 100 })));
    expect(ids).toEqual(greedyText(promptOf(9, 1), 3));
    expect(decoder.forwards.flat().map(({ tokens }) => tokens.length)).toEqual([9, 2]);
  });

  it('is refused without a decoder that drafts', () => {
    expect(() => createGenerator(new FakeDecoder(), tokenizer, { drafts: 1 })).toThrow(/MTP/);
  });
});

describe('what goes wrong with a request', () => {
  it.each([
    ['no prompt', requestOf([]), /empty/],
    ['an id out of range', requestOf([1, V]), new RegExp(`token id ${V} .* 0 to ${V - 1}`)],
    ['a broken id', requestOf([0.5]), /token id 0.5/],
    ['a long prompt', requestOf(promptOf(65, 1)), /65 tokens, and the context ends at 64/],
    ['no tokens wanted', requestOf([1], { maxNewTokens: 0 }), /maxNewTokens/],
    ['an empty stop string', requestOf([1], { stop: ['a', ''] }), /stop string is empty/],
    ['wrong sampling', requestOf([1], { sampling: { ...defaultSampling, topP: 2 } }), /topP/],
    ['impossible probabilities', requestOf([1], { topLogprobs: -1 }), /topLogprobs/],
  ])('is told from the first event: %s', async (_name, request, message) => {
    const { generator } = start();
    await expect(collect(generator.submit(request))).rejects.toThrow(message);
    expect(generator.load).toEqual({ running: 0, waiting: 0 });
  });

  it('does not touch the others: a decoder that fails for one', async () => {
    const poison = 250;
    for (const drafts of [0, 2]) {
      const { generator, decoder } = start({ slots: 3, poison, draftNoise: 0 }, drafts);
      const good = [collect(generator.submit(requestOf([1, 2]))), collect(generator.submit(requestOf([3])))];
      const bad = collect(generator.submit(requestOf([4, poison, 4])));
      await expect(bad).rejects.toThrow('poisoned by 250');
      const results = await Promise.all(good);
      expect(results.map(({ ids }) => ids)).toEqual([greedyText([1, 2], 13), greedyText([3], 13)]);
      expect(generator.load).toEqual({ running: 0, waiting: 0 });
      expect(decoder.texts).toEqual([[], [], []]);
    }
  });

  it('does not touch the others: logits that are not numbers', async () => {
    const { generator, decoder } = start({ slots: 2 });
    const { forward } = FakeDecoder.prototype;
    decoder.forward = async (inputs) => {
      const results = await forward.call(decoder, inputs);
      for (const [i, { slot }] of inputs.entries()) if (decoder.texts[slot]![0] === 9) results[i]!.fill(Number.NaN);
      return results;
    };
    const good = collect(generator.submit(requestOf([1])));
    await expect(collect(generator.submit(requestOf([9])))).rejects.toThrow(/not numbers/);
    expect((await good).ids).toEqual(greedyText([1], 13));
  });
});

describe('aborting', () => {
  it('ends a running text and frees its slot, by a signal or by leaving', async () => {
    for (const how of ['signal', 'leave']) {
      const { generator, decoder } = start({ capacity: 1_000_000 });
      const controller = new AbortController();
      const events = generator.submit(requestOf([1], { maxNewTokens: 1_000_000, signal: controller.signal }));
      let count = 0;
      let reason: string | null = null;
      for await (const event of events) {
        if (event.type === 'end') reason = event.finishReason;
        if (++count < 5) continue;
        if (how === 'leave') break;
        controller.abort();
      }
      expect(reason).toBe(how === 'leave' ? null : 'aborted');
      while (generator.load.running > 0) await settle();
      expect(decoder.texts).toEqual([[]]);
      expect((await collect(generator.submit(requestOf([2])))).ids).toEqual(greedyText([2], 13));
    }
  });

  it('takes a waiting request out of the queue', async () => {
    const { generator } = start();
    const controller = new AbortController();
    const running = collect(generator.submit(requestOf([1])));
    const waiting = collect(generator.submit(requestOf([2], { signal: controller.signal })));
    controller.abort();
    expect(await waiting).toMatchObject({ ids: [], text: '', end: { finishReason: 'aborted' } });
    expect((await running).ids).toHaveLength(13);
  });

  it('of the first of equal prompts, midway, leaves what was read to the others', async () => {
    const { generator, decoder } = start({ slots: 2, capacity: 1000 });
    const prompt = promptOf(700, 3);
    const controller = new AbortController();
    const first = collect(generator.submit(requestOf(prompt, { signal: controller.signal })));
    const second = collect(generator.submit(requestOf(prompt)));
    while (decoder.forwards.length < 1) await Promise.resolve();
    controller.abort();
    expect((await first).end.finishReason).toBe('aborted');
    expect((await second).ids).toEqual(greedyText(prompt, 13));
    expect(decoder.forwards.flat().filter(({ tokens }) => tokens.length > 1)).toHaveLength(3);
  });

  it('disposing aborts everything, frees the decoder once, and refuses what comes later', async () => {
    const { generator, decoder } = start();
    const texts = [[1], [2]].map((prompt) => collect(generator.submit(requestOf(prompt))));
    await generator.dispose();
    await generator.dispose();
    expect((await Promise.all(texts)).map(({ end }) => end.finishReason)).toEqual(['aborted', 'aborted']);
    expect(decoder.isDisposed).toBe(true);
    await expect(collect(generator.submit(requestOf([1])))).rejects.toThrow(/closed/);
  });

  it('lets timers and signals through every few milliseconds while it runs', async () => {
    const { generator, decoder } = start({ capacity: Number.MAX_SAFE_INTEGER });
    const controller = new AbortController();
    // Each pass takes a millisecond, and nothing else takes any time: how fast the machine is does not matter.
    const clock = { now: 0, servedAt: 0 };
    const spy = vi.spyOn(performance, 'now').mockImplementation(() => clock.now);
    const serve = () => {
      clock.servedAt = clock.now;
      if (!controller.signal.aborted) setImmediate(serve);
    };
    // The same letter for ever: this text has no end of its own.
    decoder.forward = async () => {
      if (++clock.now === 100) setTimeout(() => controller.abort());
      if (clock.now > clock.servedAt + 5) throw new Error('nothing else was served for five milliseconds');
      return [Float32Array.from({ length: V }, (_, id) => (id === 65 ? 1 : 0))];
    };
    serve();
    const request = requestOf([65], { maxNewTokens: Number.MAX_SAFE_INTEGER, signal: controller.signal });
    const { end, ids } = await collect(generator.submit(request)).finally(() => spy.mockRestore());
    expect(end.finishReason).toBe('aborted');
    expect(ids.length).toBeGreaterThanOrEqual(99);
  });
});
