// Bugs that shipped in serious implementations of this architecture, each with the test that fails when it is put in.
//
// The numbers are those of the project's survey of the field. Two have no test:
// - B6 (activation checkpointing counts the load twice): nothing is recomputed here; a forward pass runs once and counts once.
// - B15 (MTP drifts away when it is frozen during fine-tuning): nothing is ever frozen here, so it is an experiment and no
//   test; that every MTP parameter is trained is part of tests/mtp/goldens.test.ts.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { presetNames, trainPreset } from '../../src/config/presets.ts';
import { createDataset } from '../../src/data/dataset.ts';
import type { Batch } from '../../src/data/types.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { evaluate } from '../../src/train/evaluate.ts';
import { computeLoss } from '../../src/train/loss.ts';
import { lossInput } from '../../src/train/micro-batch.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { expectAllClose } from '../all-close.ts';
import { randomIds, smallConfig } from '../model/small-model.ts';
import { nanoModel, nanoTrain } from './nano.ts';

const guards: readonly [bug: string, what: string, file: string, title: string][] = [
  ['B1', 'masked groups filled with 0', 'moe/router.test.ts', 'B1: never lets an expert of an excluded group in'],
  ['B2', 'gates from biased scores', 'moe/router.test.ts', 'B2: reads the gates from the unbiased scores'],
  ['B3', 'affinity recovered as biased - bias', 'moe/router.test.ts', 'B3: does not lose tiny affinities'],
  ['B4', '0 / 0 when all sigmoids underflow', 'moe/router.test.ts', 'B4: gives finite gates and gradients'],
  ['B5', 'bias moved every micro-batch', 'train/train-step.test.ts', 'B5: moves every bias by exactly gamma'],
  ['B7', 'evaluation counts into the load', 'moe/moe.test.ts', 'B7: does not move its bias'],
  ['B7', 'the same, of a whole model', 'model/causal-lm.test.ts', 'B7: moves no bias and counts into nothing'],
  ['B7', 'the same, of an evaluation', 'train/evaluate.test.ts', 'B7: moves no bias and no weight'],
  ['B8', 'padding counted in the load', 'train/known-bugs.test.ts', 'B8: counts K selections for every token'],
  ['B9', 'auxiliary loss of other selections', 'moe/balance-loss.test.ts', 'B9: counts what the router dispatched'],
  ['B9', 'the same, of the whole loss', 'train/loss.test.ts', 'B9: the auxiliary losses count what was dispatched'],
  ['B10', 'balance loss lowered by underflow', 'moe/balance-loss.test.ts', 'B10: stays at its maximum under collapse'],
  ['B11', 'MTP loss summed, not averaged', 'train/loss.test.ts', 'B11: adds lambda times the mean over depths'],
  ['B12', 'losses logged twice', 'train/trainer.test.ts', 'B12: writes one line for each step'],
  ['B12', 'losses of parts added up', 'train/known-bugs.test.ts', 'B12: reports every loss once'],
  [
    'B13',
    'MTP labels cross documents',
    'mtp/alignment.test.ts',
    'B13: drops every label that stands in another document',
  ],
  ['B13', 'the same, of the whole loss', 'train/loss.test.ts', 'B13: of two documents in a row is that'],
  [
    'B14',
    'embedding and head not shared',
    'mtp/goldens.test.ts',
    'B14: the MTP loss alone trains the shared embedding',
  ],
  ['B14', 'copies that are not loaded', 'mtp/goldens.test.ts', 'B14: have no embedding or head of their own'],
  ['B16', 'alpha silently 0', 'train/known-bugs.test.ts', 'B16: alpha is 1e-4 unless'],
  ['B17', 'bias in the optimizer', 'train/train-step.test.ts', 'B17: neither optimizer nor decay touches the bias'],
  ['B18', 'defaults differ between backends', 'train/trainer.test.ts', 'B18: takes its settings from nowhere'],
];

describe('the list of known bugs', () => {
  it('contract: names a test for every bug but B6 and B15', () => {
    const all = Array.from({ length: 18 }, (_, i) => `B${i + 1}`).filter((bug) => bug !== 'B6' && bug !== 'B15');
    expect([...new Set(guards.map(([bug]) => bug))]).toEqual(all);
    for (const [, , file, title] of guards) {
      expect(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'), title).toContain(`it('${title}`);
    }
  });
});

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-bugs-'));

beforeAll(() => activateBackend('wasm'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('known bugs', () => {
  it('B8: counts K selections for every token of an evaluation, also where the text is no whole number of rows', async () => {
    const data = join(folder, 'text.jsonl');
    const text = (i: number) => `Line ${i} of a text that is ${'really '.repeat(i % 3)}not long.`;
    writeFileSync(data, Array.from({ length: 24 }, (_, i) => `${JSON.stringify({ text: text(i) })}\n`).join(''));
    const options = { data, tokenizer: 'bytes', seqLen: 11, seed: 1, heldOutFraction: 0.3, documentMask: false };
    const dataset = await createDataset({ ...options, fimRate: 0, splitPunctuationRate: 0, cacheDir: null });
    const model = new DeepseekV3ForCausalLM(nanoModel, 3);
    const result = await evaluate(model, dataset, { batchSize: 5, documentMask: false });
    const rows = [...dataset.heldOutBatches(0, 1)].map(({ seqLen }) => seqLen);
    const tokens = rows.reduce((a, b) => a + b, 0);
    expect(tokens % 11).toBeGreaterThan(1);
    const heldOut = dataset.heldOutText(0);
    expect(tokens).toBe(heldOut.length + [...heldOut.matchAll(/Line/g)].length); // bytes, and the end of each document
    expect(result?.tokens).toBe(tokens);
    const sums = result?.domains[0]?.load.map(({ counts }) => counts.reduce((a, b) => a + b, 0));
    const mtpPositions = tokens - rows.length; // depth 1 has one position less in every row
    expect(sums).toEqual([tokens * nanoModel.numExpertsPerTok, mtpPositions * nanoModel.numExpertsPerTok]);
    model.dispose();
  });

  it('B12: reports every loss once, however many parts a step has', async () => {
    const train = { ...nanoTrain, gradAccumSteps: 3 };
    const batch = randomBatch(6, 11);
    const model = new DeepseekV3ForCausalLM(smallConfig, 4);
    const expected = tf.tidy(() => {
      const weights = { mtpWeight: 0.3, balancing: 'bias', balanceLossFactor: 1e-4 } as const;
      const { total, main, balance, mtp } = computeLoss(model, lossInput(batch, false), weights);
      return [total, main, balance, ...mtp].map((loss) => loss.dataSync()[0]!);
    });
    const { total, main, balance, mtp } = await step(model, batch, train);
    expectAllClose([total, main, balance, ...mtp], expected, { rtol: 1e-5, atol: 0 }); // float32 sums in another order
    model.dispose();
  });

  it('B16: alpha is 1e-4 unless someone says otherwise, and reaches the loss', async () => {
    for (const name of presetNames) expect(trainPreset(name).balanceLossFactor).toBe(1e-4);
    const model = new DeepseekV3ForCausalLM(smallConfig, 4);
    const { balanceLossFactor } = trainPreset('tiny');
    const { total, main, balance, mtp } = await step(model, randomBatch(2, 11), { ...nanoTrain, balanceLossFactor });
    const [m1 = Number.NaN, m2 = Number.NaN] = mtp;
    // Three MoE layers; what is left of numbers near 5 in float32 has two good digits.
    const share = (total - main - (0.3 * (m1 + m2)) / 2) / (3 * 1e-4 * balance);
    expect(Math.abs(share - 1)).toBeLessThan(0.02);
    model.dispose();
  });
});

function randomBatch(batchSize: number, seqLen: number): Batch {
  const ids = Int32Array.from(randomIds(batchSize, seqLen + 1, smallConfig.vocabSize, 5).flat());
  return { batchSize, seqLen, ids, documentIds: new Int32Array(ids.length), domains: new Int32Array(batchSize) };
}

/** One optimizer step of a new optimizer. */
async function step(model: DeepseekV3ForCausalLM, batch: Batch, train: typeof nanoTrain) {
  const optimizer = new AdamW(model.parameters, train);
  const [plan] = planRun(train);
  if (plan === undefined) throw new Error('no steps');
  const outcome = await trainStep({ model, optimizer, average: null, passes: new Repeated() }, batch, plan, train);
  optimizer.dispose();
  return outcome;
}
