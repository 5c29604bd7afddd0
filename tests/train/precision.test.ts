// Training in 8 bits: what is rounded and what is not, and that nothing else changes.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import type { TrainConfig } from '../../src/config/train-config.ts';
import type { Batch } from '../../src/data/types.ts';
import { deepseekParts } from '../../src/model/parts.ts';
import { productsOf } from '../../src/ops/products.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, disposeLearner, type LearnerParts } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { randomIds, smallConfig } from '../model/small-model.ts';
import { nanoTrain } from './nano.ts';

const ids = Int32Array.from(randomIds(3, 12, smallConfig.vocabSize, 5).flat());
const batch: Batch = { batchSize: 3, seqLen: 11, ids, documentIds: new Int32Array(36), domains: new Int32Array(3) };

/** Losses of three steps, and all parameters after them. */
async function trained(precision: TrainConfig['precision'], parts: LearnerParts = {}) {
  const train = { ...nanoTrain, precision };
  const learner = createLearner({ model: smallConfig, train }, parts);
  const losses: number[] = [];
  for (const plan of planRun(train).slice(0, 3)) losses.push((await trainStep(learner, batch, plan, train)).total);
  const tensors = await learner.model.exportTensors();
  disposeLearner(learner);
  return { losses, tensors };
}

beforeAll(() => activateBackend('engine', { threads: 2 }));

describe('training in 8 bits', () => {
  it('differs from float32 in the first loss, by less than a tenth, and goes on falling', async () => {
    const [float32, fp8] = [await trained('float32'), await trained('fp8')];
    const difference = Math.abs(fp8.losses[0]! - float32.losses[0]!);
    expect(difference).toBeGreaterThan(1e-5);
    expect(difference).toBeLessThan(0.1 * float32.losses[0]!);
    expect(fp8.losses[2]).toBeLessThan(fp8.losses[0]!);
  });

  it('asks for every linear layer and the experts, and for nothing else', async () => {
    const asked: string[] = [];
    const { linear, experts } = deepseekParts.products;
    const products = productsOf({
      linear: (x, weight) => {
        asked.push(weight.shape.join());
        return linear(x, weight);
      },
      experts: (...args) => {
        asked.push('experts');
        return experts(...args);
      },
    });
    const learner = createLearner({ model: smallConfig, train: nanoTrain }, { model: { products } });
    tf.tidy(() => void learner.model.forward(tf.tensor2d(ids, [3, 12], 'int32')));
    disposeLearner(learner);
    // D 19, q 13, H*(P+R) 33, C+R 17, C 11, H*(P+V) 66, H*V 51; dense 23, shared 7. No router (12 x 19), no head (37 x
    // 19).
    const attention = ['13,19', '33,13', '17,19', '66,11', '19,51'];
    const mlp = (width: number) => [`${width},19`, `${width},19`, `19,${width}`];
    expect(asked).toEqual([...attention, ...mlp(23), ...attention, 'experts', ...mlp(7)]);
  });

  it('gives the same bits on any number of threads', async () => {
    await activateBackend('engine', { threads: 1 });
    const one = await trained('fp8');
    await activateBackend('engine', { threads: 3 });
    expect(await trained('fp8')).toEqual(one);
  });

  it('leak: a step leaves nothing but the learner behind', async () => {
    const train: TrainConfig = { ...nanoTrain, precision: 'fp8' };
    const learner = createLearner({ model: smallConfig, train });
    const [plan] = planRun(train);
    await trainStep(learner, batch, plan!, train);
    const before = tf.memory().numTensors;
    await trainStep(learner, batch, plan!, train);
    expect(tf.memory().numTensors).toBe(before);
    disposeLearner(learner);
  });
});
