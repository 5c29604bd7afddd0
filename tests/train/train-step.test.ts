import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import type { Batch } from '../../src/data/types.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';
import { AdamW } from '../../src/train/adamw.ts';
import { WeightAverage } from '../../src/train/ema.ts';
import type { Learner } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import type { StepPlan } from '../../src/train/schedules.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { nanoModel, nanoTrain } from './nano.ts';

beforeAll(async () => {
  await activateBackend('wasm');
});

const model = { ...nanoModel, vocabSize: 61, numNextnPredictLayers: 2, eosTokenId: 1, bosTokenId: 0 };

/** Rows of random ids, each with a document boundary somewhere. */
function randomBatch(batchSize: number, seqLen: number, seed: number): Batch {
  const random = createRandom(seed);
  const size = batchSize * (seqLen + 1);
  const ids = Int32Array.from({ length: size }, () => Math.floor(random() * model.vocabSize));
  const documentIds = new Int32Array(size);
  for (let row = 0; row < batchSize; row++) {
    const boundary = Math.floor(random() * seqLen);
    documentIds.fill(1, row * (seqLen + 1) + boundary, (row + 1) * (seqLen + 1));
  }
  return { batchSize, seqLen, ids, documentIds, domains: new Int32Array(batchSize) };
}

function makeLearner(train: TrainConfig): Learner {
  const net = new DeepseekV3ForCausalLM(model, 3);
  return {
    model: net,
    optimizer: new AdamW(net.parameters, train),
    average: train.emaDecay > 0 ? new WeightAverage(net.parameters, train.emaDecay) : null,
    passes: new Repeated(),
  };
}

function dispose({ model, optimizer, average, passes }: Learner): void {
  passes.dispose();
  optimizer.dispose();
  average?.dispose();
  model.dispose();
}

const planOf = (train: TrainConfig): StepPlan => {
  const [plan] = planRun(train);
  if (!plan) throw new Error('no steps');
  return plan;
};

async function oneStep(train: TrainConfig, batch: Batch) {
  const learner = makeLearner(train);
  const outcome = await trainStep(learner, batch, planOf(train), train);
  const tensors = new Map((await learner.model.exportTensors()).map(({ name, data }) => [name, data]));
  dispose(learner);
  return { outcome, tensors };
}

describe('trainStep', () => {
  it.each([
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ])(
    'property: accumulation in parts changes neither losses, nor bias, nor weights (document mask %s, labels with weights %s; B5)',
    async (documentMask, hasWeights) => {
      const train = { ...nanoTrain, documentMask, batchSize: 6, adamEps: 1e-2 };
      const plain = randomBatch(6, 11, 5);
      // Weights of very different sums in the parts, and a row that is masked altogether.
      const weightOf = (i: number) => Math.floor(i / 12) * ((i * 7) % 5);
      const batch = hasWeights ? { ...plain, labelWeights: Float32Array.from(plain.ids.keys(), weightOf) } : plain;
      const whole = await oneStep(train, batch);
      for (const gradAccumSteps of [2, 3, 6]) {
        const parts = await oneStep({ ...train, gradAccumSteps }, batch);
        for (const key of ['total', 'main', 'balance', 'gradNorm'] as const) {
          // Same sums in another order, in float32.
          expect(parts.outcome[key] / whole.outcome[key]).toBeCloseTo(1, 5);
        }
        for (const [k, loss] of parts.outcome.mtp.entries()) {
          expect(loss / (whole.outcome.mtp[k] ?? 0)).toBeCloseTo(1, 5);
        }
        expect(parts.outcome.load).toEqual(whole.outcome.load);
        for (const [name, values] of whole.tensors) {
          // A large eps keeps Adam from turning the sign of a rounding error into a full step.
          const other = parts.tensors.get(name) ?? new Float32Array();
          expect(values.every((value, i) => Math.abs(value - (other[i] ?? Number.NaN)) < 1e-6)).toBe(true);
        }
      }
    },
  );

  it('B5: moves every bias by exactly gamma, up for idle experts and down for busy ones, whatever the parts', async () => {
    const train = { ...nanoTrain, gradAccumSteps: 3, expertBiasUpdateSpeed: 0.125 };
    const { outcome } = await oneStep(train, randomBatch(6, 11, 5));
    expect(outcome.load.map(({ layer }) => layer)).toEqual([1, 2, 3]);
    for (const { counts, bias } of outcome.load) {
      const mean = counts.reduce((a, b) => a + b, 0) / counts.length;
      expect(bias).toEqual(counts.map((count) => 0.125 * Math.sign(mean - count)));
    }
  });

  it('B17: neither optimizer nor decay touches the bias when gamma is 0', async () => {
    const learner = makeLearner(nanoTrain);
    const names = [...learner.model.parameters.keys()];
    expect(names.filter((name) => name.includes('e_score_correction_bias'))).toEqual([]);
    const values = Float32Array.from({ length: model.nRoutedExperts }, (_, i) => i / 64);
    for (const bias of learner.model.expertBiases.values()) tf.tidy(() => bias.assign(tf.tensor1d(values)));
    const train = { ...nanoTrain, learningRate: 0.1, weightDecay: 0.5 };
    await trainStep(learner, randomBatch(4, 11, 5), { ...planOf(train), biasSpeed: 0 }, train);
    for (const bias of learner.model.expertBiases.values()) expect(await bias.data()).toEqual(values);
    dispose(learner);
  });

  it.each(['batch-aux', 'sequence-aux', 'none'] as const)(
    'leaves the bias alone when %s balances',
    async (balancing) => {
      const { outcome } = await oneStep({ ...nanoTrain, balancing }, randomBatch(4, 11, 5));
      for (const { bias } of outcome.load) expect(bias.every((value) => value === 0)).toBe(true);
    },
  );

  it('counts K selections for every position that each layer sees', async () => {
    const { outcome } = await oneStep(nanoTrain, randomBatch(4, 11, 5));
    const sums = outcome.load.map(({ counts }) => counts.reduce((a, b) => a + b, 0));
    expect(sums).toEqual([11, 10, 9].map((positions) => 4 * positions * model.numExpertsPerTok));
  });

  it('leak: leaves the number of tensors as it was, with accumulation, mask and average', async () => {
    const train = { ...nanoTrain, gradAccumSteps: 2, documentMask: true, emaDecay: 0.9 };
    const learner = makeLearner(train);
    const counts: number[] = [];
    for (const seed of [1, 2, 3]) {
      await trainStep(learner, randomBatch(4, 11, seed), planOf(train), train);
      counts.push(tf.memory().numTensors);
    }
    const before = counts[0];
    expect(counts).toEqual([before, before, before]);
    dispose(learner);
  });

  it('overfits one batch', async () => {
    const train = { ...nanoTrain, learningRate: 2e-2, weightDecay: 0 };
    const learner = makeLearner(train);
    const batch = randomBatch(2, 11, 5);
    const losses: number[] = [];
    for (let i = 0; i < 25; i++) losses.push((await trainStep(learner, batch, planOf(train), train)).main);
    // Starts near ln 61 = 4.1; 22 random labels are soon known by heart.
    expect(losses[0]).toBeGreaterThan(3.5);
    expect(losses.at(-1)).toBeLessThan(1);
    dispose(learner);
  });

  it('stops before moving anything when a weight is not finite, and names it', async () => {
    const learner = makeLearner(nanoTrain);
    const name = 'model.layers.1.self_attn.o_proj.weight';
    const weight = learner.model.parameters.get(name);
    tf.tidy(() => weight?.assign(tf.fill(weight.shape, Number.NaN)));
    const step = trainStep(learner, randomBatch(4, 11, 5), planOf(nanoTrain), nanoTrain);
    await expect(step).rejects.toThrow(
      new RegExp(`^training: expected finite numbers, found loss NaN at step 1: the weight ${name} .* has NaN`),
    );
    expect(learner.optimizer.steps).toBe(0);
    for (const bias of learner.model.expertBiases.values())
      expect((await bias.data()).every((b) => b === 0)).toBe(true);
    dispose(learner);
  });
});
