// Text that is written between the steps of a training run, as `train` does to show samples.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { createTokenizer } from '../../src/data/tokenizers/create-tokenizer.ts';
import type { Batch } from '../../src/data/types.ts';
import { sampleText } from '../../src/generate/sample.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, disposeLearner } from '../../src/train/learner.ts';
import { planRun } from '../../src/train/plan-changes.ts';
import { trainStep } from '../../src/train/train-step.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';
import { whyNoGpu } from './software-gpu.ts';

const missing = await whyNoGpu();
const tokenizer = await createTokenizer('bytes', () => []);
const sampling = { prompt: 'One', maxNewTokens: 2, temperature: 0, topK: 0, seed: 0 };

/** Losses of four steps; with `writes`, text is written after each. */
async function losses(writes: boolean): Promise<number[]> {
  const learner = createLearner({ model: nanoModel, train: nanoTrain });
  const [plan] = planRun(nanoTrain);
  const ids = Int32Array.from({ length: 12 }, (_, i) => (i * 7) % 100);
  const batch: Batch = { batchSize: 1, seqLen: 11, ids, documentIds: new Int32Array(12), domains: new Int32Array(1) };
  const result: number[] = [];
  for (let step = 0; step < 4; step++) {
    result.push((await trainStep(learner, batch, plan!, nanoTrain)).total);
    if (writes) await sampleText(learner.model, tokenizer, sampling);
  }
  disposeLearner(learner);
  return result;
}

describe('text between training steps on WebGPU', () => {
  if (missing !== null) {
    // A user's machine need not have a driver. CI installs one in software, so this is never skipped there.
    it.skip(`is not tested: ${missing}`);
    return;
  }
  beforeAll(() => activateBackend('webgpu'));
  afterAll(() => tf.removeBackend('webgpu'));

  it('leaves the run with the same bits', async () => {
    expect(await losses(true)).toEqual(await losses(false));
  });
});
