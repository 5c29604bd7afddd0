import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createRandom } from '../../src/data/random.ts';
import { tokenizerFromHuggingFace } from '../../src/data/tokenizers/hugging-face-tokenizer.ts';
import { measureNeedle, measureRecall } from '../../src/long-context/measure-recall.ts';
import {
  keys,
  needle,
  noise,
  type RecallRow,
  recallRow,
  usualRecall,
  values,
} from '../../src/evaluate/tasks/recall-language.ts';
import { recallBatch, recallDataset } from '../../src/long-context/recall-dataset.ts';
import { recallTokenizer } from '../../src/long-context/recall-tokenizer.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { smallConfig } from '../model/small-model.ts';

const rows = Array.from({ length: 200 }, (_, i) => recallRow({ ...usualRecall, length: 65 }, createRandom(7, i)));

/** What a reader of the text must answer, by the rules that the file describes. */
function solve({ signs }: RecallRow, at: number): string {
  const asked = signs[at - 1] ?? '';
  if (asked === '@') return signs[at - 4] ?? '';
  return signs.slice(0, at).findLast((sign) => sign.length === 2 && sign[0] === asked.toLowerCase())?.[1] ?? '';
}

describe('recallRow', () => {
  it('has six questions and up to six marks, and the answers follow from the text before them', () => {
    for (const row of rows) {
      const kinds = row.labels.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind !== 'local')).toHaveLength(6);
      expect(kinds.filter((kind) => kind === 'local').length).toBeGreaterThan(2);
      for (const { at } of row.labels) expect(row.signs[at]).toBe(solve(row, at));
    }
  });

  it('calls a key latest if it has older values, and only then', () => {
    for (const { signs, labels } of rows) {
      for (const { at, kind } of labels.filter((label) => label.kind !== 'local')) {
        const given = signs.filter((sign) => sign.length === 2 && sign[0] === signs[at - 1]!.toLowerCase());
        expect(kind).toBe(given.length > 1 ? 'latest' : 'once');
      }
    }
  });

  it('marks noise alone, so a copy never gives a key a value', () => {
    for (const { signs, labels } of rows)
      for (const { at } of labels.filter(({ kind }) => kind === 'local')) expect(noise).toContain(signs[at]);
  });

  it.each([0, 0.25, 0.5, 1])('puts the needle at depth %f of what comes before the question', (depth) => {
    for (let i = 0; i < 50; i++) {
      const { signs, labels } = recallRow({ ...needle, length: 65, depth }, createRandom(3, i));
      expect(signs.findIndex((sign) => sign.length === 2)).toBe(Math.round(depth * 62));
      expect(labels.at(-1)).toEqual({ at: 64, kind: 'once' });
    }
  });

  it('is a function of its random numbers', () => {
    const make = (seed: number) => recallRow({ ...usualRecall, length: 65 }, createRandom(seed));
    expect(make(1)).toEqual(make(1));
    expect(make(1)).not.toEqual(make(2));
  });
});

describe('recallTokenizer', () => {
  const tokenizer = recallTokenizer();

  it('has one token for every sign of every row, also when it is read from its tokenizer.json', () => {
    const read = tokenizerFromHuggingFace(JSON.parse(JSON.stringify(tokenizer.toHuggingFace())), 'recall');
    for (const { signs } of rows) {
      const ids = tokenizer.encode(signs.join(''));
      expect(Array.from(ids, (id) => tokenizer.decode([id]))).toEqual(signs);
      expect(read.encode(signs.join(''))).toEqual(ids);
    }
    expect(tokenizer.vocabSize).toBe(256 + keys.length * values.length + 5);
  });
});

describe('recallDataset', () => {
  const dataset = recallDataset({ seqLen: 128, alternateSeqLen: 64, seed: 5 });

  it('reads short rows every second step, as many as make the same tokens', () => {
    const batches = [0, 1, 2, 3].map((step) => dataset.trainBatch(step * 3, 3));
    expect(batches.map(({ batchSize, seqLen }) => [batchSize, seqLen])).toEqual([
      [3, 128],
      [6, 64],
      [3, 128],
      [6, 64],
    ]);
    expect(batches.every(({ ids, batchSize, seqLen }) => ids.length === batchSize * (seqLen + 1))).toBe(true);
    expect(dataset.trainBatch(3, 3)).toEqual(batches[1]);
    expect(batches[3]!.ids).not.toEqual(batches[1]!.ids);
  });

  it('reads rows of one length where the alternate one is 0, as in the settings of a run', () => {
    const plain = recallDataset({ seqLen: 128, alternateSeqLen: 0, seed: 5 });
    expect(plain.trainBatch(3, 3).seqLen).toBe(128);
  });

  it('counts answers once and copies half in the loss, and nothing else', () => {
    const batch = recallBatch(rows.slice(0, 5), dataset.tokenizer);
    const counted = Array.from(batch.labelWeights ?? []);
    for (const [row, { labels }] of rows.slice(0, 5).entries()) {
      const own = counted.slice(row * 65, (row + 1) * 65);
      const expected = new Array(65).fill(0);
      for (const { at, kind } of labels) expected[at] = kind === 'local' ? 0.5 : 1;
      expect(own).toEqual(expected);
    }
  });

  it('holds out other rows than it trains on', () => {
    const heldOut = [...dataset.heldOutBatches(0, 8)];
    expect(heldOut.reduce((sum, { batchSize }) => sum + batchSize, 0)).toBe(16);
    expect(dataset.heldOutText(0)).not.toContain(dataset.tokenizer.decode(dataset.trainBatch(0, 1).ids));
  });
});

describe('measuring recall', () => {
  beforeAll(() => activateBackend('engine', { threads: 1 }));

  it('finds chance in a model that has learned nothing, by kind and by depth, and leaves no tensor', async () => {
    const model = new DeepseekV3ForCausalLM({ ...smallConfig, vocabSize: 389, maxPositionEmbeddings: 130 }, 1);
    const before = tf.memory().numTensors;
    const shares = await measureRecall(model, { length: 67, rows: 100, seed: 1 });
    // A fixed prediction is right in 1 of 8 answers and in 1 of 16 copies; an untrained one is right less often still.
    for (const share of Object.values(shares)) expect(share).toBeLessThan(0.25);
    expect(await measureNeedle(model, 0.5, { length: 129, rows: 30, seed: 1 })).toBeLessThan(0.5);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  it('stops where it is told to', async () => {
    const model = new DeepseekV3ForCausalLM({ ...smallConfig, vocabSize: 389, maxPositionEmbeddings: 130 }, 1);
    const beforePass = () => {
      throw new Error('stop');
    };
    await expect(measureRecall(model, { length: 67, rows: 1, seed: 1, beforePass })).rejects.toThrow('stop');
    model.dispose();
  });
});
