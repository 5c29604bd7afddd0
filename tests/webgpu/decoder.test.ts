// The decoder's passes on the GPU: what the cpu backend computes without a cache, they compute with one.

import { afterAll, beforeAll, describe, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import type { Decoder, DecoderOptions, SequenceTokens } from '../../src/generate/decoder/decoder.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { configs, fullDrafts, fullLogits, randomModel } from '../generate/decoder-case.ts';
import { randomIds } from '../model/small-model.ts';
import { whyNoGpu } from './software-gpu.ts';

/** WGSL allows exp, sqrt and division a few units in the last place each; logits are of order 1. */
const tolerance = { rtol: 1e-4, atol: 2e-5 };

const missing = await whyNoGpu();

const all = (slot: number, ...tokens: number[]): SequenceTokens => ({ slot, tokens, logits: 'all' });
const last = (slot: number, ...tokens: number[]): SequenceTokens => ({ slot, tokens, logits: 'last' });
const ids = (length: number, seed: number, V = 37) => randomIds(1, length, V, seed)[0]!;

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
  vocabSize: 83,
  nRoutedExperts: 144,
  nGroup: 4,
  numExpertsPerTok: 7,
  initializerRange: 0.1,
  maxPositionEmbeddings: 400,
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

  it('property: prompts of any length, over several passes and beyond the first room of the cache', async () => {
    const text = ids(301, 4, 83);
    const expected = await elsewhere('engine', wide, (model) => fullLogits(model, text));
    await onGpu(wide, {}, async (decoder) => {
      for (const lengths of [[301], [1, 2, 60, 1, 66]]) {
        let start = 0;
        for (const length of lengths) {
          const [logits] = await decoder.forward([all(0, ...text.slice(start, start + length))]);
          for (let i = 0; i < length; i++) {
            // Sums of several hundred products in another order, and logits up to 6.
            const row = logits!.slice(83 * i, 83 * (i + 1));
            expectAllClose(row, expected[start + i]!, { rtol: 1e-4, atol: 2e-4 }, `token ${start + i}`);
          }
          start += length;
        }
        decoder.truncate(0, 0);
      }
    });
  });
});
