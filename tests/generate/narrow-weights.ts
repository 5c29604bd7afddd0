// A decoder that keeps weights in 16 or 8 bits gives the bits of one in float32 over a model whose weights were rounded
// beforehand, in plain TypeScript: for each binary of the engine, tests call this with one.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import { runningEngine } from '../../src/engine/engine.ts';
import type { VariantName } from '../../src/engine/variant-names.ts';
import type { WeightFormat } from '../../src/engine/weight-formats.ts';
import { createDecoder } from '../../src/generate/decoder/create-decoder.ts';
import { toHfTensors } from '../../src/io/hf-tensors.ts';
import type { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { roundToBfloat16 } from '../../src/precision/formats.ts';
import { quantizeDequantize } from '../../src/precision/quantize.ts';
import { tf } from '../../src/tensor/tf.ts';
import { expectSameBits } from '../engine/same-bits.ts';
import { randomIds } from '../model/small-model.ts';
import { configs, randomModel } from './decoder-case.ts';

/** Blocks of 128 that end inside of matrices, of heads and of panels. */
const large = {
  hiddenSize: 139,
  intermediateSize: 271,
  moeIntermediateSize: 131,
  qLoraRank: 43,
  kvLoraRank: 133,
  qkNopeHeadDim: 41,
  vHeadDim: 59,
  numExpertsPerTok: 3,
  vocabSize: 83,
};

const cases: readonly (readonly [string, Partial<ModelConfig>])[] = [
  ['small', {}],
  ['large', large],
  ...configs.filter(([name]) => /plain queries|two shared|no shared|MTP as/.test(name)),
];

const inBfloat16 = /(head|mlp\.gate|eh_proj)\.weight$/;

/** What the format makes of a tensor as a checkpoint has it. */
function rounded(name: string, [, columns]: readonly number[], data: Float32Array, format: WeightFormat): Float32Array {
  if (columns === undefined || name.includes('embed_tokens')) return data;
  if (format === 'bfloat16' || inBfloat16.test(name)) return roundToBfloat16(data);
  return quantizeDequantize(data, columns, { format: 'e4m3', rows: 128, columns: 128 });
}

/** Rounds the weights of a model in place, as a checkpoint has them. */
async function roundWeights(model: DeepseekV3ForCausalLM, format: WeightFormat): Promise<void> {
  const tensors = (await model.exportTensors()).map((tensor) => ({ ...tensor, data: tensor.data.slice() }));
  // Views of these: each expert has matrices of its own.
  for (const { name, shape, data } of toHfTensors(tensors, model.config)) data.set(rounded(name, shape, data, format));
  model.importTensors(tensors);
}

/** Logits of prompts, of one and two tokens, of drafts and of a batch with a copied sequence. */
async function everything(model: DeepseekV3ForCausalLM, weights: WeightFormat): Promise<Float32Array[]> {
  const decoder = createDecoder(model, { slots: 4, drafts: true, weights });
  const { vocabSize: V } = model.config;
  const [ids] = randomIds(1, 40, V, 3);
  const results: Float32Array[] = [];
  const forward = async (inputs: readonly (readonly [slot: number, ...tokens: number[]])[]) => {
    const wanted = inputs.map(([slot, ...tokens]) => ({ slot, tokens, logits: 'all' as const }));
    results.push(...(await decoder.forward(wanted)).map((logits) => logits.slice()));
  };
  const draft = async (token: number) => results.push((await decoder.draft([{ slot: 0, token }]))[0]!.slice());
  await forward([[0, ...ids!.slice(0, 21)]]);
  await forward([[0, 5]]);
  await forward([[0, 7, 11]]);
  await draft(3);
  await draft(8);
  decoder.copy(0, 1);
  await forward([
    [0, 3],
    [1, 9],
    [2, ...ids!.slice(21)],
    [3, 2, 4],
  ]);
  await draft(6);
  decoder.dispose();
  return results;
}

/** A model with one weight of a million. */
function hugeModel(): DeepseekV3ForCausalLM {
  const model = randomModel();
  const weight = model.parameters.get('model.layers.0.self_attn.o_proj.weight')!;
  tf.tidy(() => weight.assign(tf.fill(weight.shape, 1e6)));
  return model;
}

export const describeNarrowWeights = (engineVariant: VariantName) =>
  describe.each(['bfloat16', 'fp8'] as const)(`weights of a decoder in %s, ${engineVariant}`, (format) => {
    beforeAll(async () => void (await activateBackend('engine', { threads: 2, engineVariant })));

    it.each(cases)('conformance: the bits of rounded weights (%s)', async (_, changes) => {
      const model = randomModel(changes);
      const logits = await everything(model, format);
      await roundWeights(model, format);
      expectSameBits(logits, await everything(model, 'float32'));
      // Rounded once more, nothing changes: a checkpoint in this format is served as it is.
      expectSameBits(await everything(model, format), logits);
      model.dispose();
    });

    it('refuses weights that are too large for 8 bits, and another backend', async () => {
      const model = hugeModel();
      const used = runningEngine()!.heap.use.used;
      const create = () => createDecoder(model, { weights: format });
      if (format === 'bfloat16') create().dispose();
      else expect(create).toThrow(/o_proj.weight has weights of 114688 or more.*use weights 'bfloat16'/);
      expect(runningEngine()!.heap.use.used).toBe(used);
      expect(() => createDecoder(model, { weights: 'int4' as WeightFormat })).toThrow(
        /float32, bfloat16, fp8, found int4/,
      );
      model.dispose();
      await activateBackend('cpu');
      const other = randomModel();
      expect(() => createDecoder(other, { weights: format })).toThrow(/only the engine keeps weights in/);
      other.dispose();
      await activateBackend('engine', { threads: 2 });
    });

    it('property: the same bits for 1 to 3 threads', async () => {
      const model = randomModel(large);
      const results: Float32Array[][] = [];
      for (const threads of [1, 2, 3]) {
        await activateBackend('engine', { threads });
        results.push(await everything(model, format));
      }
      for (const result of results.slice(1)) expectSameBits(result, results[0]!);
      await activateBackend('engine', { threads: 2 });
      model.dispose();
    });
  });
