// A training step whose passes are recorded and repeated is the step that TF.js computes, to the bit.

import { beforeAll, describe, expect, it, vi } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import type { Batch } from '../../src/data/types.ts';
import { createRandom } from '../../src/tensor/random.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, disposeLearner } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import type { StepOutcome } from '../../src/train/step-report.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { nanoModel, nanoTrain } from './nano.ts';

beforeAll(async () => {
  await activateBackend('engine');
});

function randomBatch(batchSize: number, seqLen: number, seed: number): Batch {
  const random = createRandom(seed);
  const size = batchSize * (seqLen + 1);
  return {
    batchSize,
    seqLen,
    ids: Int32Array.from({ length: size }, () => Math.floor(random() * nanoModel.vocabSize)),
    documentIds: Int32Array.from({ length: size }, (_, i) => Math.floor((i % (seqLen + 1)) / (3 + seed))),
    domains: new Int32Array(batchSize),
  };
}

/** The same with weights of labels, some of them 0. */
function weightedBatch(batchSize: number, seqLen: number, seed: number): Batch {
  const random = createRandom(seed + 100);
  const batch = randomBatch(batchSize, seqLen, seed);
  return { ...batch, labelWeights: Float32Array.from(batch.ids, () => Math.max(0, random() - 0.3)) };
}

/** Never records. */
class Eager extends Repeated {
  override run(...[, inputs, , body]: Parameters<Repeated['run']>): tf.Tensor[] {
    return body([...inputs]);
  }
}

/** Steps on changing batches; counts those that TF.js had no part in. */
async function train(passes: Repeated, train: TrainConfig, sizes: readonly number[], makeBatch = randomBatch) {
  const learner = { ...createLearner({ model: nanoModel, train }), passes };
  const [plan] = planRun(train);
  const outcomes: StepOutcome[] = [];
  let repeats = 0;
  for (const [i, size] of sizes.entries()) {
    const before = tf.engine().state.numBytes;
    const runKernel = vi.spyOn(tf.engine(), 'runKernel');
    outcomes.push(await trainStep(learner, makeBatch(size, 11, i), { ...plan!, biasSpeed: 0.01 }, train));
    if (!runKernel.mock.calls.some(([name]) => name === 'LinearCrossEntropy')) repeats++;
    runKernel.mockRestore();
    expect(tf.engine().state.numBytes).toBe(before);
  }
  const weights = await learner.model.exportTensors();
  disposeLearner(learner);
  return { outcomes, weights, repeats };
}

const sizes = [4, 4, 4, 4, 4, 2, 2, 2, 4, 4, 4];

describe('repeated passes', () => {
  it.each([
    ['plain', {}, randomBatch],
    ['document mask', { documentMask: true }, randomBatch],
    ['labels with weights', {}, weightedBatch],
    ['labels with weights and document mask', { documentMask: true }, weightedBatch],
    ['an average of the weights', { emaDecay: 0.9 }, randomBatch],
    ['8-bit products', { precision: 'fp8' }, randomBatch],
    ['batch-wise balance loss', { balancing: 'batch-aux', balanceLossFactor: 0.01 }, randomBatch],
  ] as const)('property: %s: the bits of passes through TF.js, and no kernels of it', async (_, changes, makeBatch) => {
    const settings: TrainConfig = { ...nanoTrain, ...changes };
    const used = () => (tf.memory() as unknown as { used: number }).used;
    const eager = await train(new Eager(), settings, sizes, makeBatch);
    const before = used();
    const repeated = await train(new Repeated(), settings, sizes, makeBatch);
    expect(repeated.outcomes).toEqual(eager.outcomes);
    expect(repeated.weights).toEqual(eager.weights);
    // The first run with each batch size goes through TF.js, and the second is recorded there.
    expect(repeated.repeats).toBe(3 + 1 + 1);
    expect(used()).toBe(before);
  });
});
