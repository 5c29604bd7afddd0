// Tokens that the GPU chooses itself, several in a command buffer: those that the host would have chosen.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import type { Decoder } from '../../src/generate/decoder/decoder.ts';
import { defaultSampling, type SamplingOptions } from '../../src/generate/sampling/sampling.ts';
import { TokenSampler } from '../../src/generate/sampling/token-sampler.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { randomModel } from '../generate/decoder-case.ts';
import { randomIds } from '../model/small-model.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();

const V = 37;
const shape = { maxPositionEmbeddings: 192 };
const prompt = randomIds(1, 9, V, 5)[0]!;

const optionsOf = (options: Partial<SamplingOptions>): SamplingOptions => ({
  ...defaultSampling,
  temperature: 1,
  topK: 0,
  seed: 3,
  ...options,
});

/** Tokens that the host chooses from logits, with drafts of the module or without. */
async function byHost(decoder: Decoder, options: SamplingOptions, count: number, drafts: number): Promise<number[]> {
  const sampler = new TokenSampler(options, V, prompt);
  const [logits] = await decoder.forward([{ slot: 0, tokens: prompt, logits: 'last' }]);
  const tokens = [sampler.choose(logits!)];
  while (tokens.length < count) {
    for (let i = 0; i < drafts; i++) {
      const [draft] = await decoder.draft([{ slot: 0, token: sampler.drafts.at(-1) ?? tokens.at(-1)! }]);
      sampler.draft(draft!);
    }
    const run = [tokens.at(-1)!, ...sampler.drafts];
    const [rows] = await decoder.forward([{ slot: 0, tokens: run, logits: 'all' }]);
    const settled = sampler.settle(rows!);
    decoder.truncate(0, decoder.length(0) - (run.length - settled.length));
    tokens.push(...settled);
  }
  decoder.truncate(0, 0);
  return tokens.slice(0, count);
}

/** Tokens that the decoder chooses, `rounds` passes at a time. */
async function byDecoder(
  decoder: Decoder,
  options: SamplingOptions,
  count: number,
  drafts: number,
  rounds: number,
): Promise<number[]> {
  const sampler = new TokenSampler(options, V, prompt);
  const [logits] = await decoder.forward([{ slot: 0, tokens: prompt, logits: 'last' }]);
  const tokens = [sampler.choose(logits!)];
  while (tokens.length < count) {
    const text = {
      slot: 0,
      token: tokens.at(-1)!,
      filters: options,
      random: (purpose: 'draw' | 'draft' | 'keep', ahead: number) => sampler.random(purpose, ahead),
    };
    const [written] = await decoder.writer!.write([text], rounds, drafts);
    for (const round of written!) {
      expect(round.drafts).toHaveLength(drafts);
      expect(round.tokens.slice(0, -1)).toEqual(round.drafts.slice(0, round.tokens.length - 1));
    }
    const added = written!.flatMap((round) => [...round.tokens]);
    sampler.follow(added);
    tokens.push(...added);
    expect(decoder.length(0)).toBe(prompt.length + tokens.length - 1);
  }
  decoder.truncate(0, 0);
  return tokens.slice(0, count);
}

const samplings: readonly (readonly [name: string, options: Partial<SamplingOptions>])[] = [
  ['the most likely token', { temperature: 0 }],
  ['a draw of all', {}],
  ['a temperature and min-p', { temperature: 0.7, minP: 0.05 }],
  ['top-k', { temperature: 1.3, topK: 5 }],
  ['top-k, top-p and min-p', { temperature: 1.3, topK: 12, topP: 0.8, minP: 0.1 }],
];

describe('tokens chosen on WebGPU', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`are not tested: ${missing}`);
    return;
  }
  let model: DeepseekV3ForCausalLM;
  beforeAll(async () => {
    await activateBackend('webgpu');
    model = randomModel(shape);
  });
  afterAll(() => {
    model.dispose();
    tf.removeBackend('webgpu');
  });

  it.each(samplings)('are those of the host: %s, with and without drafts', async (_, options) => {
    const decoder = createDecoder(model, { drafts: true });
    const sampling = optionsOf(options);
    expect(decoder.writer!.canChoose(sampling)).toBe(true);
    for (const drafts of [0, 1]) {
      const expected = await byHost(decoder, sampling, 14, drafts);
      expect(await byDecoder(decoder, sampling, 14, drafts, 4)).toEqual(expected);
    }
    decoder.dispose();
  });

  it('are those of plain decoding at temperature 0, whatever is drafted', async () => {
    const decoder = createDecoder(model, { drafts: true });
    const greedy = optionsOf({ temperature: 0 });
    const expected = await byDecoder(decoder, greedy, 14, 0, 7);
    for (const drafts of [1, 2, 3]) expect(await byDecoder(decoder, greedy, 14, drafts, 2)).toEqual(expected);
    decoder.dispose();
  });
});
