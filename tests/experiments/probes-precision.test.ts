// What the studies of precision, attention and known bugs measure of a trained arm, on runs of a few steps.

import { deepStrictEqual } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../src/backends/backends.ts';
import { acceptance } from '../../src/experiments/probes/acceptance.ts';
import { probeLoaded } from '../../src/experiments/probes/loaded.ts';
import { namedTokens } from '../../src/experiments/probes/named-tokens.ts';
import { probeRounding } from '../../src/experiments/probes/rounding.ts';
import { cacheBytes } from '../../src/experiments/studies/attention.ts';
import type { Arm, TrainedArm } from '../../src/experiments/study.ts';
import { activateVariant } from '../../src/experiments/variants/index.ts';
import { latestCheckpoint, readCheckpoint } from '../../src/io/read-checkpoint.ts';
import { readAllTensors } from '../../src/io/tensor-source.ts';
import { DeepseekV3ForCausalLM } from '../../src/model/causal-lm.ts';
import { tf } from '../../src/tensor/tf.ts';
import { createLearner, disposeLearner } from '../../src/train/learner.ts';
import { resumeRun, train } from '../../src/train/trainer.ts';
import { randomIds, smallConfig } from '../model/small-model.ts';
import { nanoModel, nanoTrain } from '../train/nano.ts';

const folder = mkdtempSync(join(tmpdir(), 'tinyseek-probes-'));
const data = join(folder, 'lines.jsonl');
const line = (i: number) => JSON.stringify({ text: `Line ${i} of a text that is ${'really '.repeat(i % 3)}not long.` });
writeFileSync(data, Array.from({ length: 40 }, (_, i) => `${line(i)}\n`).join(''));
const backend = { backend: 'engine', backendOptions: { threads: 1, engineVariant: null } } as const;

/** Two MTP depths and rows of several documents, as the bugs need them. */
const settings = {
  model: { ...nanoModel, hiddenSize: 128, qkRopeHeadDim: 16, numNextnPredictLayers: 2 },
  train: { ...nanoTrain, data, documentMask: true, gradAccumSteps: 2, steps: 2 },
};

beforeAll(() => activateBackend('engine', { threads: 1 }));
afterAll(() => rmSync(folder, { recursive: true }));

let runs = 0;

/** Trains an arm for two steps and hands it over as a study does. */
async function trained(arm: Partial<Arm>): Promise<TrainedArm> {
  const variant = await activateVariant(arm.variant);
  const runDir = join(folder, `run-${runs++}`);
  const own = { model: settings.model, train: { ...settings.train, ...arm.trainChanges } };
  const { checkpoint } = await train({ ...own, ...backend, runDir, ...variant });
  return { arm: { name: 'arm', ...arm }, runDir, checkpoint, variant, ...own };
}

describe('probeRounding', () => {
  it('measures sums, memory and gradients by what the arm rounds', async () => {
    const [float32, fp8, perTensor] = [
      await probeRounding(await trained({}), [128, 2048]),
      await probeRounding(await trained({ trainChanges: { precision: 'fp8' } }), [128, 2048]),
      await probeRounding(await trained({ variant: 'fp8-per-tensor' }), [128, 2048]),
    ];
    expect(float32.gradientError).toBeUndefined();
    // Half a step of 3 bits of mantissa is 1/16 of a number at most, 2.6 % in the mean square of normal numbers (F
    // 4.7).
    for (const { gradientError } of [fp8, perTensor]) {
      expect(gradientError).toBeGreaterThan(0.005);
      expect(gradientError).toBeLessThan(0.0625);
    }
    // A gradient is a chain of such products; the tiles of the report, and what is kept in FP8, are no exception.
    for (const { modelGradientError } of [fp8, perTensor]) {
      expect(modelGradientError).toBeGreaterThan(0.005);
      expect(modelGradientError).toBeLessThan(0.5);
    }
    expect(float32['gemmError/2048']).toBeLessThan(1e-5);
    expect(perTensor['gemmError/2048']).toBeGreaterThan(10 * fp8['gemmError/2048']!);
    expect(fp8.cacheMebibytes).toBeLessThan(0.5 * float32.cacheMebibytes!);
    expect(fp8.mebibytes).toBeLessThan(float32.mebibytes!);
    const moments = await probeRounding(await trained({ variant: 'bfloat16-moments' }), [128]);
    const learner = createLearner(settings);
    const saved = [...learner.model.parameters.values()].reduce((bytes, { size }) => bytes + 4 * size, 0); // two of two bytes less
    expect(float32.mebibytes! - moments.mebibytes!).toBeCloseTo(saved / 2 ** 20, 6);
    disposeLearner(learner);
  });
});

describe('probeLoaded', () => {
  it('gives a loss and a share of accepted drafts', async () => {
    const { loadedLoss, acceptance } = await probeLoaded(await trained({ variant: 'biased-gates' }));
    expect(loadedLoss).toBeGreaterThan(1);
    expect(loadedLoss).toBeLessThan(8);
    expect(acceptance).toBeGreaterThanOrEqual(0);
    expect(acceptance).toBeLessThanOrEqual(1);
  });

  it('compares what depth 1 says at a position with what the main model says at the next', () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 4);
    const ids = Int32Array.from(randomIds(2, 12, smallConfig.vocabSize, 5).flat());
    const batch = { batchSize: 2, seqLen: 11, ids, documentIds: new Int32Array(24), domains: new Int32Array(2) };
    const expected = tf.tidy(() => {
      const { hidden, mtpHidden } = model.forward(tf.slice(tf.tensor2d(ids, [2, 12], 'int32'), [0, 0], [2, 11]), {
        mtp: true,
      });
      const named = (states: tf.Tensor3D) =>
        tf
          .argMax(tf.matMul(tf.reshape(states, [-1, 19]), model.lmHead, false, true), 1)
          .reshape([2, -1])
          .arraySync() as number[][];
      const [main, draft] = [named(hidden), named(mtpHidden[0]!)];
      return draft.reduce((sum, row, b) => sum + row.filter((token, i) => token === main[b]![i + 1]).length, 0);
    });
    expect(acceptance(namedTokens(model, batch, false), 1)).toEqual({ right: expected, all: 20 });
    model.dispose();
  });
});

describe('cacheBytes', () => {
  it('is two bytes for each number that a layer keeps', () => {
    const model = { ...settings.model, numHiddenLayers: 3 };
    const of = (variant?: string) =>
      cacheBytes({ arm: { name: 'arm', ...(variant === undefined ? {} : { variant }) }, model });
    expect(of()).toBe(2 * 3 * (16 + 16));
    expect(of('mla-without-norms')).toBe(of());
    expect([of('mha'), of('gqa'), of('mqa')]).toEqual([1200, 480, 240]);
  });
});

describe('a run with a variant', () => {
  it.each(['mha', 'mla-without-norms', 'fp8-e5m2-gradients', 'bfloat16-moments', 'bias-per-micro-batch'])(
    'is the same run when it was stopped and resumed: %s',
    async (name) => {
      const variant = await activateVariant(name);
      const options = {
        ...settings,
        train: { ...settings.train, checkpointEvery: 1 },
        backend: 'engine' as const,
        ...variant,
      };
      const whole = await train({ ...options, runDir: join(folder, `whole-${name}`) });
      const runDir = join(folder, `stopped-${name}`);
      const stop = new AbortController();
      await train({
        ...options,
        runDir,
        signal: stop.signal,
        onEvent: (event) => event.type === 'checkpoint' && stop.abort(),
      });
      const { checkpoint } = await resumeRun({ runDir, backendOptions: backend.backendOptions, ...variant });
      const tensors = (path: string) => {
        const opened = readCheckpoint(path);
        const all = readAllTensors(opened.model);
        opened.close();
        return all;
      };
      // `toEqual` looks at every element as a property of its own, which takes longer than the run.
      deepStrictEqual(tensors(checkpoint), tensors(whole.checkpoint));
      expect(latestCheckpoint(join(runDir, 'checkpoints')).warnings).toEqual([]);
    },
  );
});
