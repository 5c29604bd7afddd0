// Many tokens in one call of the engine, against a pass for each of them.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import { createGenerator } from '../../src/generate/batch/batch-generator.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import type { Decoder } from '../../src/generate/decoder/decoder.ts';
import { defaultSampling } from '../../src/generate/sampling/sampling.ts';
import { mostLikely } from '../../src/generate/sampling/token-ranking.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { normalArray } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectSameBits } from '../engine/same-bits.ts';
import { randomIds } from '../model/small-model.ts';
import { collect, requestOf } from './collect.ts';
import { configs, randomModel } from './decoder-case.ts';

const V = 37;
const prompt = randomIds(1, 5, V, 3)[0]!;

/**
 * A model whose module is sure of its drafts, and right about them as often as `noise` leaves it: what layers add is
 * scaled down to `noise`, and the module passes on the embedding that it reads, with as much noise.
 */
function draftingModel(noise: number, changes: Partial<ModelConfig> = {}): DeepseekV3ForCausalLM {
  const model = randomModel({ mtpConcatOrder: 'embedding-first', ...changes });
  const D = model.config.hiddenSize;
  for (const [name, parameter] of model.parameters) {
    const scale = /(o_proj|down_proj)/.test(name) ? noise : name.startsWith('lm_head') ? 30 : 1;
    tf.tidy(() => parameter.assign(parameter.rank === 1 ? tf.onesLike(parameter) : tf.mul(parameter, scale)));
    if (!name.endsWith('eh_proj.weight')) continue;
    const values = normalArray(D * 2 * D, noise, 5).map((x, i) => x + Number(i % (2 * D) === Math.floor(i / (2 * D))));
    tf.tidy(() => parameter.assign(tf.tensor2d(values, [D, 2 * D])));
  }
  return model;
}

/** The most likely tokens after the prompt, a pass for each, and the logits [V] that each was chosen from. */
async function stepByStep(model: DeepseekV3ForCausalLM, count: number) {
  const decoder = createDecoder(model);
  const [ids, rows]: [number[], Float32Array[]] = [[], []];
  let tokens = prompt;
  for (let i = 0; i < count; i++) {
    const [logits] = await decoder.forward([{ slot: 0, tokens, logits: 'last' }]);
    rows.push(logits!.slice());
    tokens = [mostLikely(logits!)];
    ids.push(tokens[0]!);
  }
  decoder.dispose();
  return { ids, rows };
}

/** The same by calls for so many tokens each; checks what is cached afterwards. */
async function ahead(model: DeepseekV3ForCausalLM, first: number, counts: readonly number[], drafts: boolean) {
  const decoder = createDecoder(model, { drafts });
  await decoder.forward([{ slot: 0, tokens: prompt, logits: 'last' }]);
  if (drafts) await decoder.draft([{ slot: 0, token: first }]);
  const [ids, drafted]: [number[], number[]] = [[first], [-1]];
  for (const count of counts) {
    const run = (await decoder.greedy(0, ids.at(-1)!, count, drafts))!;
    expect(count - run.ids.length).toBeLessThanOrEqual(drafts && count > 1 ? 1 : 0);
    ids.push(...run.ids);
    drafted.push(...run.drafts);
    expect(decoder.length(0)).toBe(prompt.length + ids.length - 1);
  }
  return { decoder, ids, drafted };
}

/** Without `greedy`: the generator takes a step for each token. */
const inSteps = (decoder: Decoder): Decoder => ({
  config: decoder.config,
  slots: decoder.slots,
  capacity: decoder.capacity,
  canDraft: decoder.canDraft,
  cacheBytes: 0,
  length: (slot) => decoder.length(slot),
  forward: (inputs) => decoder.forward(inputs),
  draw: (inputs, temperature) => decoder.draw(inputs, temperature),
  greedy: () => Promise.resolve(null),
  draft: (inputs) => decoder.draft(inputs),
  truncate: (slot, length) => decoder.truncate(slot, length),
  copy: (from, to) => decoder.copy(from, to),
  dispose: () => decoder.dispose(),
});

const models: readonly (readonly [string, () => DeepseekV3ForCausalLM])[] = [
  ...configs.map(([name, changes]) => [name, () => randomModel(changes)] as const),
  ['a module that is always right', () => draftingModel(0)],
  ['a module that is often right', () => draftingModel(0.1)],
  ['a module that is sure and often wrong', () => draftingModel(1)],
];

describe('greedy decoding in one call', () => {
  beforeAll(async () => void (await activateBackend('engine', { threads: 2 })));

  it.each(models)('property: the tokens and the cache of a pass for each (%s)', async (_name, create) => {
    const model = create();
    const room = Math.min(model.config.maxPositionEmbeddings, 50) - prompt.length;
    const { ids: expected, rows } = await stepByStep(model, room);
    for (const drafts of [false, true]) {
      for (const counts of [[1, 2, 3, 4, 5], [11, 7], [18]]) {
        const { decoder, ids, drafted } = await ahead(model, expected[0]!, counts, drafts);
        expect(ids).toEqual(expected.slice(0, ids.length));
        expect(drafted.some((id) => id !== -1) && !drafts).toBe(false);
        const [next] = await decoder.forward([{ slot: 0, tokens: [ids.at(-1)!], logits: 'last' }]);
        expectSameBits([next!], [rows[ids.length]!]);
        decoder.dispose();
      }
    }
    model.dispose();
  });

  it('property: a draft that comes afterwards is the one of a decoder that ran token by token', async () => {
    for (const noise of [0, 0.1, 1]) {
      const model = draftingModel(noise);
      const { ids: expected } = await stepByStep(model, 30);
      const { decoder, ids } = await ahead(model, expected[0]!, [6, 7], true);
      const [draft] = await decoder.draft([{ slot: 0, token: ids.at(-1)! }]);
      const other = createDecoder(model, { drafts: true });
      await other.forward([{ slot: 0, tokens: [...prompt, ...ids.slice(0, -1)], logits: 'last' }]);
      expectSameBits([draft!], [(await other.draft([{ slot: 0, token: ids.at(-1)! }]))[0]!]);
      for (const each of [decoder, other]) each.dispose();
      model.dispose();
    }
  });

  it('keeps every draft of a module that is always right, and some of one that is often right', async () => {
    const share = async (noise: number) => {
      const model = draftingModel(noise);
      const { ids: expected } = await stepByStep(model, 30);
      const { decoder, ids, drafted } = await ahead(model, expected[0]!, [20], true);
      decoder.dispose();
      model.dispose();
      const made = drafted.filter((id) => id !== -1).length;
      expect(made).toBeGreaterThan(5);
      return drafted.filter((id, i) => id === ids[i]).length / made;
    };
    expect(await share(0)).toBe(1);
    const often = await share(0.1);
    expect(often).toBeGreaterThan(0.2);
    expect(often).toBeLessThan(1);
  });

  it('property: the same bits for 1 to 3 threads', async () => {
    const model = draftingModel(0.1);
    const { ids: expected } = await stepByStep(model, 30);
    const results: unknown[] = [];
    for (const threads of [1, 2, 3]) {
      await activateBackend('engine', { threads });
      const { decoder, ids, drafted } = await ahead(model, expected[0]!, [9, 9], true);
      results.push([ids, drafted]);
      decoder.dispose();
    }
    await activateBackend('engine', { threads: 2 });
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    model.dispose();
  });

  it('is not ready before a draft of the last tokens, and refuses what has no room or is no token', async () => {
    const model = randomModel();
    const decoder = createDecoder(model, { drafts: true, capacity: 12 });
    expect(await decoder.greedy(0, 3, 2, true)).toBeNull();
    await decoder.forward([{ slot: 0, tokens: prompt, logits: 'last' }]);
    expect(await decoder.greedy(0, 3, 2, true)).toBeNull();
    await decoder.draft([{ slot: 0, token: 3 }]);
    await expect(decoder.greedy(0, 3, 8, true)).rejects.toThrow('13 tokens, but a sequence may have at most 12');
    await expect(decoder.greedy(0, V, 2, true)).rejects.toThrow('token id 37 is outside the vocabulary');
    expect((await decoder.greedy(0, 3, 7, true))!.ids.length).toBeGreaterThanOrEqual(6);
    decoder.dispose();
    model.dispose();
  });

  it('says that the logits are not numbers', async () => {
    const model = randomModel();
    const norm = model.parameters.get('model.norm.weight')!;
    tf.tidy(() => norm.assign(tf.fill(norm.shape, Number.NaN)));
    const decoder = createDecoder(model);
    await decoder.forward([{ slot: 0, tokens: prompt, logits: 'last' }]);
    await expect(decoder.greedy(0, 3, 4, false)).rejects.toThrow('logits that are not numbers');
    decoder.dispose();
    model.dispose();
  });

  it('leak: takes no memory but for the sequence', async () => {
    const model = draftingModel(0.1);
    const before = runningEngine()!.heap.use.used;
    const { ids: expected } = await stepByStep(model, 30);
    const { decoder } = await ahead(model, expected[0]!, [9, 5], true);
    decoder.dispose();
    expect(runningEngine()!.heap.use.used).toBe(before);
    model.dispose();
  });
});

describe('a generator on the engine', () => {
  const changes = { vocabSize: 258, eosTokenId: null, bosTokenId: null };

  beforeAll(async () => void (await activateBackend('engine', { threads: 2 })));

  it.each([
    [0, 0],
    [0, 1],
    [0.1, 0],
    [0.1, 1],
    [1, 1],
  ])('gives the text, the end and the counts of a step for each token (noise %s, %i drafts)', async (noise, drafts) => {
    const bytes = await createTokenizer('bytes', () => []);
    const model = draftingModel(noise, changes);
    const create = () => createDecoder(model, { drafts: drafts > 0 });
    const [once, steps] = [create(), inSteps(create())].map((decoder) =>
      createGenerator(decoder, { ...bytes, eosTokenId: null, endTokenIds: [] }, { drafts }),
    );
    for (const request of [
      requestOf(prompt, { maxNewTokens: 1 }),
      requestOf(prompt, { maxNewTokens: 2 }),
      requestOf(prompt, { maxNewTokens: 31 }),
      requestOf(prompt, { maxNewTokens: 1000 }),
    ]) {
      const [own, expected] = [await collect(once!.submit(request)), await collect(steps!.submit(request))];
      expect([own.ids, own.text, own.end.finishReason]).toEqual([
        expected.ids,
        expected.text,
        expected.end.finishReason,
      ]);
      const { newTokens, forwardPasses, drafted, accepted } = own.end.statistics;
      expect(newTokens).toBe(own.ids.length);
      expect(forwardPasses + accepted).toBe(newTokens);
      expect(drafted).toBeGreaterThanOrEqual(accepted);
      if (noise === 0) expect(forwardPasses).toBe(expected.end.statistics.forwardPasses);
    }
    const [, second] = (await collect(steps!.submit(requestOf(prompt)))).text;
    const stop = { stop: [second!], maxNewTokens: 31 };
    const [own, expected] = [
      await collect(once!.submit(requestOf(prompt, stop))),
      await collect(steps!.submit(requestOf(prompt, stop))),
    ];
    expect([own.ids, own.text, own.end.finishReason]).toEqual([expected.ids, expected.text, 'stop']);
    await Promise.all([once!.dispose(), steps!.dispose()]);
    model.dispose();
  });

  it('continues a prompt in a typed array, as a tokenizer gives it', async () => {
    const bytes = await createTokenizer('bytes', () => []);
    const model = randomModel(changes);
    const generator = createGenerator(createDecoder(model), { ...bytes, eosTokenId: null, endTokenIds: [] });
    for (const sampling of [{ ...defaultSampling, temperature: 0 }, defaultSampling]) {
      const typed = Int32Array.from(prompt) as unknown as readonly number[];
      const [own, expected] = [
        await collect(generator.submit(requestOf(typed, { sampling }))),
        await collect(generator.submit(requestOf(prompt, { sampling }))),
      ];
      expect(own.ids).toEqual(expected.ids);
      expect(own.ids).toHaveLength(13);
    }
    await generator.dispose();
    model.dispose();
  });

  it('drafts no more in a text whose drafts are mostly refused', async () => {
    const bytes = await createTokenizer('bytes', () => []);
    const model = draftingModel(1, { ...changes, maxPositionEmbeddings: 200 });
    const decoder = createDecoder(model, { drafts: true });
    const generator = createGenerator(decoder, { ...bytes, eosTokenId: null, endTokenIds: [] }, { drafts: 1 });
    const { tokens, end } = await collect(generator.submit(requestOf(prompt, { maxNewTokens: 180 })));
    const { drafted, accepted } = end.statistics;
    expect(accepted / drafted).toBeLessThan(0.65);
    expect(drafted).toBeGreaterThanOrEqual(16);
    expect(drafted).toBeLessThan(100);
    expect(tokens.slice(-60).every(({ draft }) => draft === null)).toBe(true);
    await generator.dispose();
    model.dispose();
  });
});
