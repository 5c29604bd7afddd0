// Samples in rows: every sample is learned from once an epoch, nothing else is, and no sample sees another.

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { createRandom } from '../../../src/data/random.ts';
import { createTokenizer } from '../../../src/data/tokenizers/create-tokenizer.ts';
import type { Batch } from '../../../src/data/types.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import { linearCrossEntropy } from '../../../src/ops/linear-cross-entropy.ts';
import type { EncodedConversation } from '../../../src/post-training/sft/encode-conversation.ts';
import { packSamples } from '../../../src/post-training/sft/packing.ts';
import { createSampleDataset, type SampleSource } from '../../../src/post-training/sft/sample-dataset.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { lossInput } from '../../../src/train/micro-batch.ts';
import { smallConfig, spreadBiases } from '../../model/small-model.ts';
import '../../../src/node.ts';

const tokenizer = await createTokenizer('bytes', () => []);
const V = smallConfig.vocabSize;

/** A sample that says which one it is: the first id is its number. */
function sample(number: number, length: number, answerFrom = 2): EncodedConversation {
  const random = createRandom('sample', number);
  const ids = Int32Array.from({ length }, (_, i) => (i === 0 ? number : random.below(V)));
  return { ids, labelWeights: Uint8Array.from(ids, (_, i) => Number(i >= answerFrom)) };
}

const samplesOf = (count: number, first = 0, seed = 1): EncodedConversation[] => {
  const random = createRandom('lengths', seed);
  return Array.from({ length: count }, (_, i) => sample(first + i, 3 + random.below(9)));
};
const source = (more: Partial<SampleSource> = {}): SampleSource => {
  return { name: 'one', weight: 1, train: samplesOf(30), heldOut: samplesOf(5, 50), ...more };
};
const datasetOf = (sources: readonly SampleSource[], seqLen = 17, seed = 3) =>
  createSampleDataset({ sources, tokenizer, seqLen, seed });

/** The parts of the rows that are learned from. */
function learned({ ids, documentIds, labelWeights, seqLen }: Batch) {
  const parts = new Map<string, { ids: number[]; weights: number[] }>();
  for (const [i, id] of ids.entries()) {
    const key = `${Math.floor(i / (seqLen + 1))} ${documentIds[i]}`;
    const part = parts.get(key) ?? { ids: [], weights: [] };
    part.ids.push(id);
    part.weights.push(labelWeights![i]!);
    parts.set(key, part);
  }
  return [...parts.values()].filter(({ weights }) => weights.some((weight) => weight > 0));
}

describe('packing', () => {
  it('property: puts every sample into one row, within its length', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 300 }), (lengths) => {
        const rows = packSamples(lengths, 20);
        expect(rows.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
        const filled = rows.map((row) => row.reduce((sum, i) => sum + lengths[i]!, 0));
        expect(filled.every((sum) => sum <= 20)).toBe(true);
        // Best fit leaves at most one row half empty, and so needs less than twice the least number of rows.
        expect(filled.filter((sum) => sum <= 10).length).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('fills rows well', () => {
    const lengths = samplesOf(2000).map(({ ids }) => ids.length);
    const room = 48;
    const share = lengths.reduce((sum, length) => sum + length, 0) / (room * packSamples(lengths, room).length);
    expect(share).toBeGreaterThan(0.98);
  });
});

describe('a dataset of samples', () => {
  it('has every sample once an epoch, whole, with weights on its answer alone', () => {
    const train = samplesOf(30);
    const dataset = datasetOf([source()]);
    const [first, both] = [dataset.rowsOf(1), dataset.rowsOf(2)];
    for (const [from, to] of [
      [0, first],
      [first, both],
    ] as const) {
      const found = learned(dataset.trainBatch(from, to - from)).sort((a, b) => a.ids[0]! - b.ids[0]!);
      expect(found.map(({ ids }) => ids)).toEqual(train.map(({ ids }) => Array.from(ids)));
      expect(found.map(({ weights }) => weights)).toEqual(train.map(({ labelWeights }) => Array.from(labelWeights)));
    }
    expect(dataset.trainBatch(0, first).ids).not.toEqual(dataset.trainBatch(first, first).ids);
  });

  it('fills rows with the beginnings of samples, and with nothing else', () => {
    const { ids, documentIds, seqLen } = datasetOf([source()]).trainBatch(0, 12);
    const known = samplesOf(30);
    for (let row = 0; row < 12; row++) {
      for (let at = 0, from = 0; at <= seqLen; at++) {
        const place = row * (seqLen + 1) + at;
        if (at < seqLen && documentIds[place] === documentIds[place + 1]) continue;
        const part = Array.from(ids.subarray(row * (seqLen + 1) + from, place + 1));
        expect(Array.from(known[part[0]!]!.ids.subarray(0, part.length))).toEqual(part);
        from = at + 1;
      }
    }
  });

  it('is a function of the seed and the row, whatever was read before', () => {
    const [one, other] = [datasetOf([source()]), datasetOf([source()])];
    one.trainBatch(0, 40);
    expect(other.trainBatch(37, 2)).toEqual(one.trainBatch(37, 2));
    expect(datasetOf([source()], 17, 4).trainBatch(37, 2)).not.toEqual(one.trainBatch(37, 2));
  });

  it('mixes sources by their weights: 2 is twice an epoch, 0.5 another half of them each time', () => {
    const sources = [
      source({ name: 'twice', weight: 2, train: samplesOf(10) }),
      source({ name: 'half', weight: 0.5, train: samplesOf(10, 20) }),
    ];
    const dataset = datasetOf(sources);
    const numbers = (from: number, to: number) =>
      learned(dataset.trainBatch(from, to - from)).map(({ ids }) => ids[0]!);
    const [first, both] = [dataset.rowsOf(1), dataset.rowsOf(2)];
    const [a, b] = [numbers(0, first), numbers(first, both)];
    expect(a.filter((n) => n < 10).sort((x, y) => x - y)).toEqual([...Array(10).keys()].flatMap((n) => [n, n]));
    expect(new Set(a.filter((n) => n >= 20)).size).toBe(5);
    expect(a.filter((n) => n >= 20).sort()).not.toEqual(b.filter((n) => n >= 20).sort());
  });

  it('measures each held-out sample once, by source', () => {
    const dataset = datasetOf([source(), source({ name: 'two', heldOut: samplesOf(7, 60) })]);
    const numbers = (domain: number) =>
      [...dataset.heldOutBatches(domain, 2)].flatMap((batch) => learned(batch).map(({ ids }) => ids[0]!));
    expect(numbers(0).sort()).toEqual([50, 51, 52, 53, 54]);
    expect(numbers(1).sort()).toEqual([60, 61, 62, 63, 64, 65, 66]);
  });

  it('leaves out what is longer than a row, and says so; refuses where nothing is left', () => {
    const long = source({ train: [...samplesOf(9), sample(10, 19)] });
    expect(datasetOf([long]).warnings).toEqual([
      'sft: one: 1 samples are longer than a row of 18 tokens and are left out',
    ]);
    expect(() => datasetOf([source({ train: [sample(1, 40)], heldOut: [sample(2, 30)] })])).toThrow(
      /have 30 to 40 tokens, and a row holds 18; take longer rows \(--seq-len 39\)/,
    );
    expect(() => datasetOf([source({ heldOut: [] })])).toThrow(/has 30 samples, too few to train on some and to hold/);
  });

  it('changes its hash with its samples', async () => {
    const hash = await datasetOf([source()]).sha256!();
    expect(await datasetOf([source()]).sha256!()).toBe(hash);
    expect(await datasetOf([source({ train: samplesOf(30, 0, 2) })]).sha256!()).not.toBe(hash);
  });
});

describe.each(['cpu', 'engine'] as const)('samples that share a row, on %s', (backend) => {
  let model: DeepseekV3ForCausalLM;
  beforeAll(async () => {
    await activateBackend(backend);
    model = new DeepseekV3ForCausalLM(smallConfig, 5);
    spreadBiases(model, 6);
  });
  afterAll(() => model.dispose());

  /** The loss of every label, as training computes it: of the main model and of each MTP depth. */
  function losses(batch: Batch): Float32Array[] {
    return tf.tidy(() => {
      const { ids, documentIds } = lossInput(batch, true);
      const [B, T] = [batch.batchSize, batch.seqLen];
      const inputs = (x: tf.Tensor2D) => tf.slice(x, [0, 0], [B, T]);
      const { hidden, mtpHidden } = model.forward(inputs(ids), { documentIds: inputs(documentIds!), mtp: true });
      return [hidden, ...mtpHidden].map((h, depth) => {
        const L = T - depth;
        const labels = tf.slice(ids, [0, depth + 1], [B, L]);
        const flat = tf.reshape(h, [B * L, smallConfig.hiddenSize]) as tf.Tensor2D;
        return linearCrossEntropy(flat, model.lmHead, tf.reshape(labels, [B * L])).dataSync<'float32'>();
      });
    });
  }

  it('move no bit of each other', () => {
    const { ids, documentIds, seqLen, batchSize, ...rest } = datasetOf([source()]).trainBatch(0, 3);
    const before = losses({ ids, documentIds, seqLen, batchSize, ...rest });
    const changedRow = 1;
    const start = changedRow * (seqLen + 1);
    const changed = documentIds.subarray(start, start + seqLen + 1).filter((document) => document === 1).length;
    expect(changed).toBeGreaterThan(2);
    const others = Int32Array.from(ids, (id, i) => {
      const isChanged = i >= start && i < start + seqLen + 1 && documentIds[i] === 1;
      return isChanged ? (id + 1) % V : id;
    });
    const after = losses({ ids: others, documentIds, seqLen, batchSize, ...rest });
    for (const [depth, values] of before.entries()) {
      const L = seqLen - depth;
      let moved = 0;
      for (const [i, value] of values.entries()) {
        const [row, at] = [Math.floor(i / L), i % L];
        const place = row * (seqLen + 1) + at;
        // A label beyond the end of its sample is not counted.
        if (documentIds[place] !== documentIds[place + depth + 1]) continue;
        const isOwn = row === changedRow && documentIds[place] === 1;
        if (isOwn) moved += Number(value !== after[depth]![i]);
        else expect([depth, row, at, after[depth]![i]]).toEqual([depth, row, at, value]);
      }
      expect(moved).toBeGreaterThan(0);
    }
  });

  it('have the losses that they have alone, to rounding', () => {
    const alone = source({ train: [sample(1, 12)] });
    const batch = datasetOf([source({ train: [sample(1, 12), sample(2, 6)] })]).trainBatch(0, 1);
    const first = batch.documentIds.findIndex((_, i) => batch.ids[i] === 1);
    const single = datasetOf([alone], 11).trainBatch(0, 1);
    const [packed, expected] = [losses(batch)[0]!, losses(single)[0]!];
    // Rotary angles of other positions differ in the last bits.
    for (let i = 0; i < 11; i++) expect(packed[first + i]!).toBeCloseTo(expected[i]!, 4);
  });
});
