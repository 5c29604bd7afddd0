// The decoder's passes on the GPU: what the cpu backend computes without a cache, they compute with one.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import type { Decoder, DecoderOptions, SequenceTokens } from '../../src/generate/decoder/decoder.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { runningWebGpu } from '../../src/webgpu/running.ts';
import { expectAllClose } from '../all-close.ts';
import { configs, fullDrafts, fullLogits, randomModel, recycled } from '../generate/decoder-case.ts';
import { randomIds } from '../model/small-model.ts';
import { whyNoGpu } from './software-gpu.ts';

/** WGSL allows exp, sqrt and division a few units in the last place each; logits are of order 1. */
const tolerance = { rtol: 1e-4, atol: 2e-5 };

const missing = await whyNoGpu();

const all = (slot: number, ...tokens: number[]): SequenceTokens => ({ slot, tokens, logits: 'all' });
const last = (slot: number, ...tokens: number[]): SequenceTokens => ({ slot, tokens, logits: 'last' });
const ids = (length: number, seed: number) => randomIds(1, length, 37, seed)[0]!;

/** What the same model says on another backend; the engine's drafts are those of fewer experts. */
async function elsewhere<T>(
  backend: 'cpu' | 'engine',
  changes: Partial<ModelConfig>,
  use: (model: DeepseekV3ForCausalLM) => T,
): Promise<T> {
  await activateBackend(backend);
  const model = randomModel(changes);
  const result = use(model);
  model.dispose();
  await activateBackend('webgpu');
  return result;
}

/** Calls with a decoder of the same model on the GPU. */
async function onGpu(
  changes: Partial<ModelConfig>,
  options: DecoderOptions,
  use: (decoder: Decoder) => Promise<void>,
): Promise<void> {
  const model = randomModel(changes);
  const decoder = createDecoder(model, options);
  await use(decoder);
  decoder.dispose();
  model.dispose();
}

/** Sizes of which rows, latents and experts are read four numbers at a time, and more experts than lanes. */
const wide = {
  hiddenSize: 68,
  intermediateSize: 96,
  moeIntermediateSize: 36,
  nSharedExperts: 2,
  qLoraRank: 44,
  kvLoraRank: 136,
  qkNopeHeadDim: 40,
  qkRopeHeadDim: 8,
  vHeadDim: 60,
  nRoutedExperts: 144,
  nGroup: 4,
  numExpertsPerTok: 7,
  initializerRange: 0.1,
};

describe('the decoder on WebGPU', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`is not tested: ${missing}`);
    return;
  }
  beforeAll(() => activateBackend('webgpu'));
  afterAll(() => tf.removeBackend('webgpu'));

  it.each(configs)('property: logits and drafts are those without a cache, with %s', async (_, changes) => {
    const text = ids(13, 3);
    const [expected, drafts] = await elsewhere('cpu', changes, (model) => {
      return [fullLogits(model, text), fullDrafts(model, text)];
    });
    await onGpu(changes, { drafts: true }, async (decoder) => {
      const [prompt] = await decoder.forward([all(0, ...text.slice(0, 7))]);
      for (let i = 0; i < 7; i++) expectAllClose(prompt!.slice(37 * i, 37 * (i + 1)), expected[i]!, tolerance);
      for (let i = 7; i < 12; i++) {
        const [draft] = await decoder.draft([{ slot: 0, token: text[i]! }]);
        expectAllClose(draft!, drafts[i - 1]!, tolerance);
        const [logits] = await decoder.forward([last(0, text[i]!)]);
        expectAllClose(logits!, expected[i]!, tolerance);
      }
    });
  });

  it.each([
    ['rows of fours, and more experts than lanes', wide, [[9], [1, 2, 6]]],
    ['a cache that grows', { maxPositionEmbeddings: 128 }, [[70], [1, 2, 60, 1, 6]]],
  ] as const)('property: prompts cut into any pieces, with %s', async (_, changes, cuts) => {
    const text = ids(cuts[0][0], 4);
    const expected = await elsewhere('engine', changes, (model) => fullLogits(model, text));
    await onGpu(changes, {}, async (decoder) => {
      for (const lengths of cuts) {
        let start = 0;
        for (const length of lengths) {
          const [logits] = await decoder.forward([all(0, ...text.slice(start, start + length))]);
          for (let i = 0; i < length; i++) {
            // Logits up to 6: sums of several hundred products in another order.
            const row = logits!.slice(37 * i, 37 * (i + 1));
            expectAllClose(row, expected[start + i]!, { rtol: 1e-4, atol: 2e-4 }, `token ${start + i}`);
          }
          start += length;
        }
        decoder.truncate(0, 0);
      }
    });
  });

  it('property: a prompt of more than one pass', async () => {
    const text = ids(290, 5);
    const changes = { maxPositionEmbeddings: 300 };
    const expected = await elsewhere('engine', changes, (model) => fullLogits(model, text));
    await onGpu(changes, {}, async (decoder) => {
      const [logits] = await decoder.forward([last(0, ...text)]);
      expectAllClose(logits!, expected[289]!, tolerance);
    });
  });

  it('property: sequences of a pass do not see each other, whatever is forgotten and copied', async () => {
    const texts = [11, 5, 8].map((length, i) => ids(length, 20 + i));
    const expected = await elsewhere('cpu', {}, (model) => texts.map((text) => fullLogits(model, text)));
    await onGpu({}, { slots: 3, drafts: true }, async (decoder) => {
      const halves = texts.map((text, slot) => last(slot, ...text.slice(0, 4)));
      const first = await decoder.forward(halves);
      for (const slot of [0, 1, 2]) expectAllClose(first[slot]!, expected[slot]![3]!, tolerance);
      await decoder.forward([last(1, 9, 9, 9)]);
      decoder.truncate(1, 4);
      decoder.truncate(2, 0);
      decoder.copy(0, 2);
      const rest = await decoder.forward([2, 1].map((slot) => all(slot, ...texts[slot === 2 ? 0 : 1]!.slice(4))));
      expectAllClose(rest[0]!.slice(-37), expected[0]![10]!, tolerance);
      expectAllClose(rest[1]!.slice(-37), expected[1]![4]!, tolerance);
      expect([0, 1, 2].map((slot) => decoder.length(slot))).toEqual([4, 5, 11]);
    });
  });

  it('recycles the output of the module, and drafts again after a wrong draft and a truncation', async () => {
    const text = ids(12, 10);
    const [expected, deeper] = await elsewhere('cpu', {}, (model) => {
      return [fullDrafts(model, text), recycled(model, text.slice(0, 8), [7, 9, 2])];
    });
    await onGpu({}, { drafts: true }, async (decoder) => {
      const draft = async (token: number) => (await decoder.draft([{ slot: 0, token }]))[0]!;
      await decoder.forward([last(0, ...text.slice(0, 8))]);
      await draft(7);
      expectAllClose(await draft(9), deeper[1]!, tolerance);
      expectAllClose(await draft(2), deeper[2]!, tolerance);
      await decoder.forward([last(0, text[8]!)]);
      expectAllClose(await draft(text[9]!), expected[8]!, tolerance);
      decoder.truncate(0, 4);
      await decoder.forward([last(0, text[4]!)]);
      expectAllClose(await draft(text[5]!), expected[4]!, tolerance);
    });
  });

  it('property: a token gets the same bits whatever runs beside it', async () => {
    const [text, other] = randomIds(2, 9, 37, 12);
    await onGpu({}, { slots: 2 }, async (decoder) => {
      const [together] = await decoder.forward([all(0, ...text!)]);
      const rows = together!.slice();
      decoder.truncate(0, 0);
      for (const [i, token] of text!.entries()) {
        const [logits] = await decoder.forward([last(0, token), last(1, other![i]!)]);
        expect(logits).toEqual(rows.slice(37 * i, 37 * (i + 1)));
      }
    });
  });

  it('leak: leaves no tensor and no memory behind', async () => {
    const model = randomModel();
    const before = [tf.memory().numTensors, runningWebGpu()!.places.bytesUsed];
    const decoder = createDecoder(model, { slots: 2, drafts: true });
    await decoder.forward([last(0, 1, 2, 3), all(1, 4, 5)]);
    await decoder.draft([{ slot: 0, token: 5 }]);
    decoder.copy(0, 1);
    const text = { token: 6, filters: { temperature: 0, topK: 0, topP: 1, minP: 0 }, random: () => 0 };
    for (const drafts of [0, 1]) await decoder.writer!.write([{ ...text, slot: 1 }], 2, drafts);
    decoder.dispose();
    expect([tf.memory().numTensors, runningWebGpu()!.places.bytesUsed]).toEqual(before);
    model.dispose();
  });

  it('refuses weights of 16 and 8 bits', () => {
    const model = randomModel();
    expect(() => createDecoder(model, { weights: 'fp8' })).toThrow('only the engine keeps weights in fp8');
    model.dispose();
  });
});
