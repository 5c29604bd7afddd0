import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { Batch, Dataset } from '../../src/data/types.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { tf } from '../../src/tensor/tf.ts';
import { type EvaluateOptions, evaluate } from '../../src/train/evaluate.ts';
import { nanoModel } from './nano.ts';

const config = { ...nanoModel, vocabSize: 61, numNextnPredictLayers: 2, bosTokenId: 0, eosTokenId: 1 };
let model: DeepseekV3ForCausalLM;

beforeAll(async () => {
  await activateBackend('wasm');
  model = new DeepseekV3ForCausalLM(config, 3);
});

afterAll(() => model.dispose());

/** Token 1 ends a document and stands for no byte, token 2 for three, others for one. */
const byteLength = (id: number) => (id === 1 ? 0 : id === 2 ? 3 : 1);

function rows(lengths: readonly number[], seed: number): Batch[] {
  const random = createRandom(seed);
  return lengths.map((seqLen, i) => {
    const batchSize = i + 1;
    const ids = Int32Array.from({ length: batchSize * (seqLen + 1) }, (_, at) =>
      at % 5 === 4 ? 1 : Math.floor(random() * 61),
    );
    const documentIds = ids.map((_, at) => (at % (seqLen + 1) > 3 ? 1 : 0));
    return { batchSize, seqLen, ids, documentIds, domains: new Int32Array(batchSize) };
  });
}

const held = [rows([11, 7], 1), rows([5, 5, 2], 2)];

const dataset: Pick<Dataset, 'domains' | 'heldOutBatches' | 'tokenizer'> = {
  domains: ['prose', 'code'],
  heldOutBatches: (domain) => held[domain] ?? [],
  tokenizer: {
    name: 'test',
    vocabSize: 61,
    bosTokenId: 0,
    eosTokenId: 1,
    fim: { begin: 58, hole: 59, end: 60 },
    encode: () => new Int32Array(),
    decodeBytes: () => new Uint8Array(),
    decode: () => '',
    byteLength,
    toHuggingFace: () => ({}),
  },
};

const options: EvaluateOptions = { batchSize: 3, documentMask: false };

async function run(changes: Partial<EvaluateOptions> = {}) {
  const result = await evaluate(model, dataset, { ...options, ...changes });
  if (result === null) throw new Error('no result');
  return result;
}

/** Log-probabilities straight from the logits: nats of every next token, one array a row. */
async function referenceNats(batch: Batch): Promise<number[]> {
  const width = batch.seqLen + 1;
  const inputs = Array.from({ length: batch.batchSize }, (_, row) =>
    Array.from(batch.ids.subarray(row * width, row * width + batch.seqLen)),
  );
  const logProbs = tf.tidy(() => tf.logSoftmax(model.logits(tf.tensor2d(inputs, undefined, 'int32'))));
  const values = await logProbs.data();
  logProbs.dispose();
  return Array.from({ length: batch.batchSize * batch.seqLen }, (_, i) => {
    const [row, at] = [Math.floor(i / batch.seqLen), i % batch.seqLen];
    return -(values[i * 61 + (batch.ids[row * width + at + 1] ?? 0)] ?? Number.NaN);
  });
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe('evaluate', () => {
  it('property: weighs every token once, whatever the shapes of the batches', async () => {
    const result = await run();
    const nats = (await Promise.all(held.flat().map(referenceNats))).flat();
    expect(result.tokens).toBe(nats.length);
    // Two ways to the same float32 numbers: relative 1e-5.
    expect(result.loss / (sum(nats) / nats.length)).toBeCloseTo(1, 5);
    expect(result.perplexity).toBeCloseTo(Math.exp(result.loss), 10);
    expect(result.loss).toBeCloseTo(sum(result.domains.map((d) => d.loss * d.tokens)) / result.tokens, 10);
  });

  it('property: counts a label by its weight, in nats and in bytes, whatever the shapes of the batches', async () => {
    const weightOf = (i: number) => (i * 3) % 4;
    const weighted = held.map((batches) =>
      batches.map((batch) => ({ ...batch, labelWeights: Float32Array.from(batch.ids.keys(), weightOf) })),
    );
    const result = await evaluate(model, { ...dataset, heldOutBatches: (domain) => weighted[domain]! }, options);
    const nats = (await Promise.all(held.flat().map(referenceNats))).flat();
    const labels = held.flat().flatMap(({ ids, seqLen }) => {
      const places = Array.from(ids.keys()).filter((i) => i % (seqLen + 1) > 0);
      return places.map((i) => ({ weight: weightOf(i), bytes: byteLength(ids[i]!) }));
    });
    const total = sum(labels.map(({ weight }) => weight));
    expect(result!.tokens).toBe(total);
    // Two ways to the same float32 numbers: relative 1e-5.
    expect(result!.loss / (sum(labels.map(({ weight }, i) => weight * nats[i]!)) / total)).toBeCloseTo(1, 5);
    const bytes = sum(labels.map(({ weight, bytes }) => weight * bytes));
    expect(result!.bitsPerByte).toBeCloseTo((result!.loss * total) / Math.LN2 / bytes, 10);
  });

  it('counts bytes of predicted tokens only; the end of a document costs nats and stands for none', async () => {
    const result = await run();
    const labels = held.flat().flatMap((batch) => Array.from(batch.ids).filter((_, i) => i % (batch.seqLen + 1) > 0));
    expect(labels).toContain(1);
    const bytes = sum(labels.map(byteLength));
    expect(result.bitsPerByte).toBeCloseTo((result.loss * result.tokens) / Math.LN2 / bytes, 10);
  });

  it('leaves out labels that cross a document under a document mask', async () => {
    const result = await run({ documentMask: true });
    // One boundary in each row longer than four tokens: rows of the batches [1 x 11, 2 x 7], [1 x 5, 2 x 5].
    expect(result.tokens).toBe((await run()).tokens - 6);
  });

  it('gives the loss of each MTP depth, also when the last rows are shorter than the depth', async () => {
    const short = { ...dataset, heldOutBatches: () => [...(held[0] ?? []), ...rows([1], 3)] };
    const result = await evaluate(model, short, options);
    expect(result?.mtpLoss).toHaveLength(2);
    // Random labels on an untrained model: near ln 61 = 4.11.
    for (const loss of result?.mtpLoss ?? []) expect(Math.abs(loss - Math.log(61))).toBeLessThan(1);
  });

  it('adds the loads of all batches, per layer and domain', async () => {
    const { domains, maxVioGlobal, avgVioGlobal } = await run();
    expect(domains.map(({ name }) => name)).toEqual(['prose', 'code']);
    expect(domains[0]?.load.map(({ layer }) => layer)).toEqual([1, 2, 3]);
    const positions = held[0]?.map(({ batchSize, seqLen }) => batchSize * seqLen) ?? [];
    expect(sum(domains[0]?.load[0]?.counts.slice() ?? [])).toBe(sum(positions) * config.numExpertsPerTok);
    expect(maxVioGlobal).toBeGreaterThan(0);
    // Over both domains, layer by layer.
    const byLayer = domains[0]!.load.map(({ counts }, i) => counts.map((n, e) => n + domains[1]!.load[i]!.counts[e]!));
    const vios = byLayer.map((counts) => {
      const fair = sum([...counts]) / counts.length;
      return sum(counts.map((count) => Math.abs(count - fair))) / fair / counts.length;
    });
    expect(avgVioGlobal).toBeCloseTo(sum(vios) / vios.length, 12);
  });

  it('B7: moves no bias and no weight, and leaves no tensor', async () => {
    const before = await model.exportTensors();
    const tensors = tf.memory().numTensors;
    await run();
    expect(await model.exportTensors()).toEqual(before);
    expect(tf.memory().numTensors).toBe(tensors);
  });

  it('ends without a result when asked to stop', async () => {
    expect(await evaluate(model, dataset, { ...options, signal: AbortSignal.abort() })).toBeNull();
  });
});
