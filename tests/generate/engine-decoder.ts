// What the engine's own decoder promises beyond right results, for each of its binaries: tests call this with one.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import type { VariantName } from '../../src/engine/variant-names.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import type { Decoder } from '../../src/generate/decoder/decoder.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectAllClose } from '../all-close.ts';
import { expectSameBits } from '../engine/same-bits.ts';
import { randomIds } from '../model/small-model.ts';
import { fullLogits, randomModel, tolerance } from './decoder-case.ts';

/** Wider than a panel, an edge of every width, and rotary channels that no vector holds. */
const wide = {
  hiddenSize: 67,
  intermediateSize: 101,
  moeIntermediateSize: 37,
  qLoraRank: 43,
  kvLoraRank: 53,
  qkNopeHeadDim: 41,
  vHeadDim: 59,
  vocabSize: 83,
  maxPositionEmbeddings: 400,
};

/** Logits after each token, the text cut into passes of the given lengths. */
async function logitsInPasses(
  decoder: Decoder,
  ids: readonly number[],
  lengths: readonly number[],
): Promise<Float32Array[]> {
  const V = decoder.config.vocabSize;
  const rows: Float32Array[] = [];
  let start = 0;
  for (const length of lengths) {
    const tokens = ids.slice(start, start + length);
    const [logits] = await decoder.forward([{ slot: 0, tokens, logits: 'all' }]);
    for (const i of tokens.keys()) rows.push(logits!.slice(i * V, (i + 1) * V));
    start += length;
  }
  decoder.truncate(0, 0);
  return rows;
}

async function draftsOf(model: DeepseekV3ForCausalLM, ids: readonly number[]): Promise<Float32Array[]> {
  const decoder = createDecoder(model, { drafts: true });
  await decoder.forward([{ slot: 0, tokens: ids, logits: 'last' }]);
  const drafts: Float32Array[] = [];
  for (const token of [3, 5, 7]) drafts.push((await decoder.draft([{ slot: 0, token }]))[0]!.slice());
  decoder.dispose();
  return drafts;
}

export const describeEngineDecoder = (engineVariant: VariantName) =>
  describe(`the decoder of the engine, ${engineVariant}`, () => {
    beforeAll(async () => void (await activateBackend('engine', { threads: 2, engineVariant })));

    it('property: equals the full forward pass across the boundaries of passes and blocks', async () => {
      const model = randomModel(wide);
      const [ids] = randomIds(1, 301, 83, 3);
      const expected = fullLogits(model, ids!);
      const decoder = createDecoder(model);
      for (const lengths of [[301], [63, 1, 1, 63, 1, 127, 2, 43], [64, 65, 128, 44]]) {
        const rows = await logitsInPasses(decoder, ids!, lengths);
        // Logits are up to 20 here: sums of 67 products of numbers of order 1 after three layers.
        for (const [i, row] of rows.entries())
          expectAllClose(row, expected[i]!, { rtol: 1e-5, atol: 5e-5 }, `token ${i}`);
      }
      decoder.dispose();
      model.dispose();
    });

    it.each([
      ['small', {}],
      ['wide', wide],
    ] as const)('property: a token gets the same bits whatever runs beside it (%s)', async (_, changes) => {
      const model = randomModel(changes);
      const V = model.config.vocabSize;
      const [ids, other] = randomIds(2, 23, V, 4);
      const decoder = createDecoder(model, { slots: 3 });
      const alone = await logitsInPasses(
        decoder,
        ids!,
        Array.from({ length: 23 }, () => 1),
      );
      for (const lengths of [[23], [2, 2, 3, 4, 5, 7], [1, 2, 6, 14]]) {
        expectSameBits(await logitsInPasses(decoder, ids!, lengths), alone);
      }
      for (const [i, token] of ids!.entries()) {
        const beside = [1, 2].map((slot) => ({
          slot,
          tokens: other!.slice(0, i % 3 === slot ? 2 : 1),
          logits: 'last' as const,
        }));
        const [logits] = await decoder.forward([{ slot: 0, tokens: [token], logits: 'last' }, ...beside]);
        expectSameBits([logits!], [alone[i]!]);
      }
      decoder.dispose();
      model.dispose();
    });

    it('property: the same bits for 1 to 4 threads', async () => {
      const model = randomModel(wide);
      const [ids] = randomIds(1, 70, 83, 5);
      const lengths = [1, 2, 1, 64, 2];
      const results: Float32Array[][] = [];
      for (const threads of [1, 2, 3, 4]) {
        await activateBackend('engine', { threads });
        const decoder = createDecoder(model);
        results.push([...(await logitsInPasses(decoder, ids!, lengths)), ...(await draftsOf(model, ids!))]);
        decoder.dispose();
      }
      for (const result of results.slice(1)) expectSameBits(result, results[0]!);
      await activateBackend('engine', { threads: 2 });
      model.dispose();
    });

    it('property: drafts as TF.js operations do with half of the experts', async () => {
      // Dense layers, and then the module: only there the number of experts counts.
      const model = randomModel({ firstKDenseReplace: 2, numExpertsPerTok: 3 });
      const tensors = await model.exportTensors();
      const [ids] = randomIds(1, 19, 37, 6);
      const own = await draftsOf(model, ids!);
      model.dispose();
      await activateBackend('cpu');
      const reference = randomModel({ firstKDenseReplace: 2, numExpertsPerTok: 2 });
      reference.importTensors(tensors);
      for (const [i, drafts] of (await draftsOf(reference, ids!)).entries()) expectAllClose(own[i]!, drafts, tolerance);
      reference.dispose();
      await activateBackend('engine', { threads: 2 });
    });

    it('leak: a token takes no memory, and a decoder gives back all of it', async () => {
      const model = randomModel();
      const before = runningEngine()!.heap.use.used;
      const decoder = createDecoder(model, { slots: 2, drafts: true });
      const step = async (token: number) => {
        await decoder.forward([{ slot: 0, tokens: [token], logits: 'last' }]);
        await decoder.draft([{ slot: 0, token }]);
      };
      await step(1);
      const [used, tensors] = [runningEngine()!.heap.use.used, tf.memory().numTensors];
      for (let token = 2; token < 30; token++) await step(token);
      expect(runningEngine()!.heap.use.used).toBe(used);
      expect(tf.memory().numTensors).toBe(tensors);
      decoder.copy(0, 1);
      decoder.truncate(0, 0);
      decoder.dispose();
      expect(runningEngine()!.heap.use.used).toBe(before);
      model.dispose();
    });
  });
