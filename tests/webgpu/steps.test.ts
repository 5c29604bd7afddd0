// Training steps on the GPU: recorded and repeated, with the same bits.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { Repeated } from '../../src/tensor/repeated.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, disposeLearner } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { runningWebGpu } from '../../src/webgpu/running.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';
import { randomBatch } from './random-batch.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();

/** Never records. */
class Eager extends Repeated {
  override run(...[, inputs, , body]: Parameters<Repeated['run']>): tf.Tensor[] {
    return body([...inputs]);
  }
}

/** Losses, norms and final weights of steps on changing batches. */
async function train(passes: Repeated, steps: number) {
  const settings = { ...nanoTrain, documentMask: true };
  const learner = { ...createLearner({ model: nanoModel, train: settings }), passes };
  const [plan] = planRun(settings);
  const numbers: number[][] = [];
  for (let i = 0; i < steps; i++) {
    const { total, gradNorm } = await trainStep(
      learner,
      randomBatch(nanoModel.vocabSize, i),
      { ...plan!, biasSpeed: 0.01 },
      settings,
    );
    numbers.push([total, gradNorm]);
  }
  const weights = await learner.model.exportTensors();
  disposeLearner(learner);
  return { numbers, weights };
}

describe('training steps on WebGPU', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`are not tested: ${missing}`);
    return;
  }
  beforeAll(() => activateBackend('webgpu'));
  afterAll(() => tf.removeBackend('webgpu'));

  it('repeat recorded commands with the bits of steps through TF.js, run after run, and leave no tensor', async () => {
    const before = tf.memory().numTensors;
    const eager = await train(new Eager(), 5);
    const repeated = await train(new Repeated(), 5);
    expect(repeated).toEqual(eager);
    expect(await train(new Repeated(), 5)).toEqual(repeated);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('agree with the engine: losses and norms of five steps within 1e-5', async () => {
    const onGpu = await train(new Repeated(), 5);
    await activateBackend('engine');
    const onCpu = await train(new Repeated(), 5);
    await activateBackend('webgpu');
    // Float32 sums in another order; the bar of the first ten losses of a run.
    for (const [i, row] of onCpu.numbers.entries()) {
      for (const [j, value] of row.entries()) {
        expect(Math.abs(onGpu.numbers[i]![j]! - value) / value).toBeLessThan(1e-5);
      }
    }
  });

  it('name the tensor that is not finite', async () => {
    const learner = createLearner({ model: nanoModel, train: nanoTrain });
    const [name, weight] = [...learner.model.parameters][3]!;
    tf.tidy(() => weight.assign(tf.fill(weight.shape, Number.NaN)));
    const [plan] = planRun(nanoTrain);
    await expect(trainStep(learner, randomBatch(nanoModel.vocabSize, 0), plan!, nanoTrain)).rejects.toThrow(
      `the weight ${name} `,
    );
    disposeLearner(learner);
  });

  it('say which program the device refuses, instead of giving zeros', async () => {
    const gpu = runningWebGpu()!;
    const y = tf.engine().makeTensorFromTensorInfo(gpu.output([4]));
    const wrong = {
      name: 'a program with a mistake',
      tensors: { y: 'f32' },
      numbers: {},
      workgroupSize: 1,
      code: 'y[0] = missing;',
    } as const;
    gpu.run(wrong, { y }, {}, 1);
    await expect(y.data()).rejects.toThrow('a program with a mistake');
    y.dispose();
  });

  it('compute right also where a tensor is bound twice', async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const square = tf.mul(x, x);
    expect([...(await square.data())]).toEqual([1, 4, 9]);
    tf.dispose([x, square]);
  });
});
