// Runs on the GPU whose next step does not wait for the numbers of the last: the same bits as runs that wait, the same
// bits when they are resumed, and weights as they were where a step is not finite.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { type MemoryStore, memoryStore } from '../../src/runs/memory-store.ts';
import { tf } from '../../src/tensor/tf.ts';
import type { TrainEvent } from '../../src/train/events.ts';
import { createLearner, disposeLearner, type Learner } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { ownSteps, type StartStepper } from '../../src/train/stepper.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { resumeRun, type TrainOptions, train } from '../../src/train/trainer.ts';
import { label, seaDocuments, timeless } from '../runs/nano-run.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';
import { randomBatch } from './random-batch.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();
/** One layer and little text: a GPU in software takes a while for each dispatch. */
const model = { ...nanoModel, numHiddenLayers: 1, firstKDenseReplace: 0, numNextnPredictLayers: 0 };
const settings = { ...nanoTrain, batchSize: 2, seqLen: 11, steps: 5 };
const common = { model, backend: 'webgpu', documents: seaDocuments().slice(0, 6) } as const;

/** What a run has come to, as hashes: a difference of whole files takes minutes to print. */
function cameTo({ files }: MemoryStore) {
  const hash = (path: string) => createHash('sha256').update(files.get(path)!).digest('hex');
  const metrics = timeless(new TextDecoder().decode(files.get('metrics.jsonl')));
  const files5 = ['model.safetensors', 'optimizer.safetensors'].map((name) => `checkpoints/step-00000005/${name}`);
  return { metrics, hashes: files5.map(hash) };
}

/** Takes the steps of the learner, and notes how many are under way at once. */
function counting(found: { most: number }): StartStepper {
  return async (...given) => {
    const own = await ownSteps(...given);
    let now = 0;
    const step: typeof own.step = async (...call) => {
      found.most = Math.max(found.most, ++now);
      return own.step(...call).finally(() => now--);
    };
    return { ...own, step };
  };
}

async function run(changes: Partial<TrainOptions>) {
  const [store, found] = [memoryStore(), { most: 0 }];
  const options = { ...common, train: settings, startStepper: counting(found), store, ...changes };
  await train(options as TrainOptions);
  return { store, most: found.most };
}

/** All that a step changes. */
async function stateOf({ model, optimizer, average }: Learner) {
  const tensors = [
    ...(await model.exportTensors()),
    ...(await optimizer.exportTensors()),
    ...((await average?.exportTensors()) ?? []),
  ];
  return { steps: optimizer.steps, tensors: tensors.map(({ name, data }) => [name, Array.from(data)]) };
}

describe('steps that do not wait', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`are not tested: ${missing}`);
    return;
  }
  beforeAll(() => activateBackend('webgpu'));
  afterAll(() => tf.removeBackend('webgpu'));

  /** The first of the runs below. */
  let whole: MemoryStore | null = null;

  it.each([
    ['signs of errors, and an average', { emaDecay: 0.9 }, {}],
    [
      'relative errors without drift, in parts',
      { gradAccumSteps: 2, expertBiasUpdateRule: 'proportional', expertBiasRecenter: true },
      {},
    ],
    ['factors', { expertBiasFreezeFraction: 0.4 }, { expertBiasForm: 'multiplicative' }],
  ] as const)('property: %s: the bits of a run that waits for each step', async (_, trainChanges, modelChanges) => {
    const changes = { train: { ...settings, ...trainChanges }, model: { ...model, ...modelChanges } };
    const ahead = await run(changes);
    whole ??= ahead.store;
    const waiting = await run({ ...changes, onModel: () => {} });
    expect([ahead.most, waiting.most]).toEqual([2, 1]);
    expect(cameTo(ahead.store)).toEqual(cameTo(waiting.store));
  });

  it('property: a run that is interrupted and resumed comes to the same bits', async () => {
    const changes = { train: { ...settings, emaDecay: 0.9 } };
    const controller = new AbortController();
    const events: string[] = [];
    const onEvent = (event: TrainEvent) => {
      events.push(label(event));
      if (label(event) === 'step 2') controller.abort();
    };
    const { store } = await run({ ...changes, onEvent, signal: controller.signal });
    // The third step was under way.
    expect(events.slice(-3)).toEqual(['step 3', 'checkpoint 3', 'end']);
    await resumeRun({ store, documents: common.documents });
    expect(cameTo(store)).toEqual(cameTo(whole!));
  });

  it('a run whose numbers explode ends with the name of a tensor and the last checkpoint', async () => {
    const exploding = run({ train: { ...settings, learningRate: 1e30, checkpointEvery: 1 } });
    await expect(exploding).rejects.toThrow(
      /expected finite numbers, found loss .* at step \d: the \w+ .*model\..* the last good checkpoint is .*step-0000000\d/,
    );
  });

  it.each([
    ['before anything is recorded', 0],
    ['when steps are recorded', 3],
  ])(
    'a step that is not finite changes nothing, nor does the next, and names the tensor: %s',
    async (_, stepsBefore) => {
      const own = { ...settings, emaDecay: 0.9 };
      const learner = createLearner({ model, train: own });
      const plan = { ...planRun(own)[0]!, biasSpeed: 0.01 };
      const step = (seed: number) => trainStep(learner, randomBatch(model.vocabSize, seed), plan, own);
      for (let i = 0; i < stepsBefore; i++) await step(i);
      const [name, weight] = [...learner.model.parameters].find(([key]) => key.endsWith('0.input_layernorm.weight'))!;
      const good = weight.clone();
      // Finite, but its products are not.
      tf.tidy(() => weight.assign(tf.fill(weight.shape, 3e38)));
      const before = await stateOf(learner);
      const both = await Promise.allSettled([step(10), step(11)]);
      expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(String((both[0] as PromiseRejectedResult).reason)).toMatch(/at step 1: the gradient of model\.\S+ \[/);
      expect(await stateOf(learner)).toEqual(before);
      tf.tidy(() => weight.assign(good));
      good.dispose();
      await step(12);
      const after = await stateOf(learner);
      expect(after.steps).toBe(stepsBefore + 1);
      const [was, is] = [before, after].map(({ tensors }) => tensors.filter(([key]) => key !== name));
      for (const [i, [key, data]] of is!.entries()) expect([key, data]).not.toEqual(was![i]);
      disposeLearner(learner);
    },
  );

  it('leave no tensor', async () => {
    const before = tf.memory().numTensors;
    await run({ train: { ...settings, steps: 3, emaDecay: 0.9 } });
    expect(tf.memory().numTensors).toBe(before);
  });
});
