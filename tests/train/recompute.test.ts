// Recomputation changes what is kept, and nothing else: same losses, same weights, to the bit.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { ModelConfig } from '../../src/config/model-config.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import type { Batch } from '../../src/data/types.ts';
import { memoryLedger } from '../../src/memory/ledger.ts';
import { attendWithin } from '../../src/model/attend-within.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { pullback } from '../../src/tensor/pullback.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, disposeLearner, partsFor } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import type { StepOutcome } from '../../src/train/step-report.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { nanoModel, nanoTrain } from './nano.ts';

beforeAll(async () => {
  await activateBackend('engine');
});

function randomBatch(seed: number): Batch {
  const random = createRandom(seed);
  const [batchSize, seqLen] = [4, 11];
  const size = batchSize * (seqLen + 1);
  return {
    batchSize,
    seqLen,
    ids: Int32Array.from({ length: size }, () => Math.floor(random() * nanoModel.vocabSize)),
    documentIds: Int32Array.from({ length: size }, (_, i) => Math.floor((i % (seqLen + 1)) / 5)),
    domains: new Int32Array(batchSize),
  };
}

/** Never records. */
class Eager extends Repeated {
  override run(...[, inputs, , body]: Parameters<Repeated['run']>): tf.Tensor[] {
    return body([...inputs]);
  }
}

/** Four steps, the last two of them repeated where `passes` records. */
async function train(model: ModelConfig, train: TrainConfig, passes: Repeated) {
  const before = tf.memory().numTensors;
  const learner = { ...createLearner({ model, train }), passes };
  const [plan] = planRun(train);
  const outcomes: StepOutcome[] = [];
  for (let seed = 0; seed < 4; seed++) outcomes.push(await trainStep(learner, randomBatch(seed), plan!, train));
  const weights = await learner.model.exportTensors();
  disposeLearner(learner);
  expect(tf.memory().numTensors).toBe(before);
  return { outcomes, weights };
}

const cases: readonly (readonly [string, Partial<ModelConfig>, Partial<TrainConfig>])[] = [
  ['nano', {}, {}],
  ['two MTP modules that read the state before the norm', { numNextnPredictLayers: 2, mtpHiddenState: 'pre-norm' }, {}],
  ['the order of the report in an MTP module', { mtpConcatOrder: 'hidden-first' }, {}],
  ['plain queries, no shared experts', { qLoraRank: null, nSharedExperts: 0 }, {}],
  ['dense layers only', { firstKDenseReplace: 2, numNextnPredictLayers: 0 }, {}],
  ['experts of a width that is no multiple of 8', { moeIntermediateSize: 19 }, {}],
  ['a document mask and a batch in parts', {}, { documentMask: true, gradAccumSteps: 2 }],
  ['8 bits', {}, { precision: 'fp8', cachedActivations: 'float32' }],
];

describe('recompute: selective', () => {
  it.each(cases)('property: same bits, recorded and not, on less memory: %s', async (_, model, changes) => {
    const config = { ...nanoModel, ...model };
    const none: TrainConfig = { ...nanoTrain, batchSize: 4, ...changes };
    const selective: TrainConfig = { ...none, recompute: 'selective' };
    const kept = await train(config, none, new Repeated());
    expect(await train(config, selective, new Repeated())).toEqual(kept);
    expect(await train(config, selective, new Eager())).toEqual(kept);
    const bytes = async (train: TrainConfig) => (await memoryLedger({ model: config, train })).kinds.activations;
    expect(await bytes(selective)).toBeLessThan(await bytes(none));
  });

  it('property: same bits in the two halves of a backward pass, in any order, and nothing is left behind', () => {
    const gradients = (recompute: TrainConfig['recompute'], order: readonly ('B' | 'W')[]) => {
      const model = new DeepseekV3ForCausalLM(nanoModel, 3, partsFor({ ...nanoTrain, recompute }));
      const [block] = model.stages.blocks.slice(-1);
      const before = tf.memory().numTensors;
      const x = tf.randomNormal<tf.Rank.R3>([2, 7, nanoModel.hiddenSize], 0, 1, 'float32', 5);
      const dy = tf.randomNormal<tf.Rank.R3>([2, 7, nanoModel.hiddenSize], 0, 1, 'float32', 6);
      const passes = [0, 1].map(() =>
        pullback(
          (x) => block!.apply(x, attendWithin(model.rotary, 7, null)).hidden,
          [x],
          [...block!.parameters.values()],
        ),
      );
      const found: tf.Tensor[] = [];
      const waiting = { B: [...passes], W: [...passes] };
      for (const half of order) {
        const pass = waiting[half].shift()!;
        found.push(...(half === 'B' ? pass.backwardInputs(dy) : pass.backwardWeights()));
      }
      const values = found.map((tensor) => [...tensor.dataSync()]);
      tf.dispose([x, dy, ...found, ...passes.map(({ value }) => value)]);
      expect(tf.memory().numTensors).toBe(before);
      model.dispose();
      return values;
    };
    for (const order of [
      ['B', 'W', 'B', 'W'],
      ['B', 'B', 'W', 'W'],
    ] as const) {
      expect(gradients('selective', order)).toEqual(gradients('none', order));
    }
  });

  it('frees what a released pass has kept', () => {
    const model = new DeepseekV3ForCausalLM(nanoModel, 3, partsFor({ ...nanoTrain, recompute: 'selective' }));
    const before = tf.memory().numTensors;
    const ids = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32');
    const pass = pullback(() => model.forward(ids, { mtp: true }).hidden, [], [...model.parameters.values()]);
    pass.release();
    tf.dispose([ids, pass.value]);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});
