// The probabilities of a prompt, as programs that measure models ask for them: `echo` with `logprobs`, and no answer or
// one token of it. The shapes are those of the lm-evaluation-harness (`local-completions`).

import { afterAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createBytesTokenizer } from '../../src/data/tokenizers/bytes.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import { transcriptFormat } from '../../src/generate/chat/chat-prompt.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import { noDefaults } from '../../src/generate/generation-defaults.ts';
import { scoreTokens } from '../../src/generate/score.ts';
import { defaultLimits } from '../../src/serve/limits.ts';
import { startServer } from '../../src/serve/server.ts';
import { randomModel } from '../generate/decoder-case.ts';

await activateBackend('engine', { threads: 1 });
const tokenizer = createBytesTokenizer();
const { vocabSize, bosTokenId, eosTokenId } = tokenizer;
const contextLength = 301;
const model = randomModel({ vocabSize, bosTokenId, eosTokenId, maxPositionEmbeddings: contextLength });
const generator = createGenerator(createDecoder(model, { slots: 3 }), tokenizer);
const start = [eosTokenId];
const server = await startServer(
  {
    id: 'small',
    created: 1_700_000_000,
    tokenizer,
    prompts: { start, chat: transcriptFormat(tokenizer, start) },
    contextLength,
    generator,
    slots: 3,
    defaults: noDefaults,
  },
  { host: '127.0.0.1', port: 0, allowedHosts: [], limits: defaultLimits, onRequest: () => {} },
);

afterAll(async () => {
  await server.close(0);
  await generator.dispose();
  model.dispose();
});

interface Choice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: {
    readonly tokens: string[];
    readonly token_logprobs: (number | null)[];
    readonly top_logprobs: (Record<string, number> | null)[];
    readonly text_offset: number[];
  };
  readonly finish_reason: string | null;
}

interface Answer {
  readonly choices: [Choice, ...Choice[]];
  readonly usage: object;
  readonly error: { readonly message: string };
}

async function ask(body: object): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${server.url}/v1/completions`, { method: 'POST', headers, body: JSON.stringify(body) });
  const answer = (await response.json()) as Answer;
  if (response.status !== 200) throw new Error(answer.error.message);
  return answer;
}

/** The full pass sums in another order than the decoder with its cache. */
function expectClose(actual: readonly (number | null)[], expected: readonly (number | null)[]): void {
  expect(actual).toHaveLength(expected.length);
  expect(actual[0]).toBe(null);
  for (let i = 1; i < expected.length; i++) expect(Math.abs(actual[i]! - expected[i]!)).toBeLessThan(1e-4);
}

const long = Array.from({ length: 300 }, (_, i) => (i * 37) % 251); // two pieces of a prefill
const harness = { model: 'small', temperature: 0, max_tokens: 1, logprobs: 1, seed: 1234, echo: true };

describe('the probabilities of a prompt', () => {
  it.each([
    ['a text', 'Call me Ishmael. 🐳'],
    ['one token', 'C'],
    ['more than one pass reads', tokenizer.decode(long.map((id) => 32 + (id % 90)))],
  ])('are those of `tinyseek score`, the first null: %s', async (_, prompt) => {
    const ids = Array.from(tokenizer.encode(prompt));
    const { choices, usage } = await ask({ prompt, max_tokens: 0, echo: true, logprobs: 0 });
    const [{ text, logprobs, finish_reason: reason }] = choices;
    expect([text, reason]).toEqual([prompt, 'length']);
    expect(usage).toEqual({ prompt_tokens: ids.length, completion_tokens: 0, total_tokens: ids.length });
    expectClose(logprobs.token_logprobs, await scoreTokens(model, ids));
    expect(logprobs.tokens).toHaveLength(ids.length);
    expect(logprobs.text_offset[0]).toBe(0);
    expect(logprobs.top_logprobs[0]).toBe(null);
  });

  it('come for a batch of prompts of token ids, with the most likely token of each place', async () => {
    const prompts = [[5, 7, 11, 13], long, [5, 7, 11, 13], [99, 98]];
    const { choices } = await ask({ ...harness, prompt: prompts });
    for (const [i, prompt] of prompts.entries()) {
      const { index, logprobs } = choices[i]!;
      expect(index).toBe(i);
      // The harness leaves out the last token, which is not of the prompt; also where that ends the text.
      expect(logprobs.token_logprobs).toHaveLength(prompt.length + 1);
      expectClose(logprobs.token_logprobs.slice(0, -1), await scoreTokens(model, prompt));
      for (const [place, likely] of logprobs.top_logprobs.entries()) {
        if (place === 0) continue;
        const best = Math.max(...Object.values(likely!));
        expect(logprobs.token_logprobs[place]).toBeLessThanOrEqual(best);
      }
    }
    expect(choices[0].logprobs).toEqual(choices[2]!.logprobs);
  });

  it('come for a batch of texts, and streamed', async () => {
    const { choices } = await ask({ ...harness, prompt: ['ab', 'cde'] });
    expect(choices.map(({ text }, i) => text.slice(0, 2 + i))).toEqual(['ab', 'cde']);
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ ...harness, prompt: 'cde', stream: true });
    const stream = await (await fetch(`${server.url}/v1/completions`, { method: 'POST', headers, body })).text();
    const chunks = [...stream.matchAll(/^data: (\{.*)$/gm)].map(([, json]) => JSON.parse(json!).choices[0]);
    expect(chunks.flatMap(({ logprobs }) => logprobs.token_logprobs)).toEqual(choices[1]!.logprobs.token_logprobs);
    expect(chunks.map(({ text }) => text).join('')).toBe(choices[1]!.text);
  });

  it('need no room for an answer: a prompt may fill the context', async () => {
    const full = Array.from({ length: contextLength }, (_, i) => i % 250);
    expect((await ask({ ...harness, prompt: full })).choices[0].logprobs.tokens).toHaveLength(contextLength + 1);
    expect((await ask({ ...harness, max_tokens: 0, prompt: full })).choices[0].logprobs.tokens).toHaveLength(
      contextLength,
    );
    await expect(ask({ ...harness, prompt: [...full, 1] })).rejects.toThrow(/context is 301 tokens/);
  });

  it('are not reported unless they are asked for: no tokens at all may be', async () => {
    const { choices } = await ask({ prompt: 'ab', max_tokens: 0 });
    expect(choices[0]).toEqual({ index: 0, text: '', logprobs: null, finish_reason: 'length' });
    const { choices: scored } = await ask({ prompt: 'ab', max_tokens: 0, logprobs: 1 });
    expect(scored[0].logprobs.tokens).toEqual([]);
  });
});
