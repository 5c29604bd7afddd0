// Each switch does what its bug does: the vectors are those of the project's survey of the field.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import {
  biasPerMicroBatch,
  labelsAcrossDocuments,
  summedDepths,
} from '../../../src/experiments/variants/objective-bugs.ts';
import { DecayedBiasAdamW } from '../../../src/experiments/variants/optimizers.ts';
import { routeByBiasedGates, routeWithZeroMask } from '../../../src/experiments/variants/router-bugs.ts';
import { DeepseekV3ForCausalLM } from '../../../src/model/causal-lm.ts';
import { routeTokens } from '../../../src/ops/router.ts';
import { Repeated } from '../../../src/tensor/repeated.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { AdamW } from '../../../src/train/adamw.ts';
import { computeLoss, type LossInput, type LossTerms } from '../../../src/train/loss.ts';
import { planRun } from '../../../src/train/plan-changes.ts';
import { trainStep } from '../../../src/train/train-step.ts';
import { expectAllClose } from '../../all-close.ts';
import { idTensor, randomIds, smallConfig, spreadBiases } from '../../model/small-model.ts';
import { nanoTrain } from '../../train/nano.ts';

/** Four experts, two of which a token visits, with scores given. */
const four = { ...smallConfig, nRoutedExperts: 4, numExpertsPerTok: 2, routedScalingFactor: 1 };
const logitsOf = (scores: readonly number[]) => tf.tensor2d([scores.map((s) => Math.log(s / (1 - s)))]);
const weights = { mtpWeight: 0.3, balancing: 'none', balanceLossFactor: 0 } as const;
const numbers = ({ total, main, mtp }: LossTerms) => [total, main, ...mtp].map((loss) => loss.dataSync()[0]!);

beforeAll(() => activateBackend('engine', { threads: 2 }));

describe('routers with a bug', () => {
  it('B1: experts of an excluded group win against negative scores', () => {
    const config = { ...four, nGroup: 2, topkGroup: 1 };
    const [logits, bias] = [logitsOf([0.9, 0.8, 0.3, 0.2]), tf.tensor1d([-1, -1, -1, -1])];
    const chosen = (route: typeof routeTokens) => [...route(logits, bias, config).topkIndices.dataSync()].sort();
    expect(chosen(routeTokens)).toEqual([0, 1]);
    expect(chosen(routeWithZeroMask)).toEqual([2, 3]);
  });

  it('B2: the bias scales the gates', () => {
    const config = { ...four, nGroup: 1, topkGroup: 1 };
    const [logits, bias] = [logitsOf([0.6, 0.5, 0.4, 0.3]), tf.tensor1d([0, 0, 0, 0.5])];
    const right = routeTokens(logits, bias, config);
    const wrong = routeByBiasedGates(logits, bias, config);
    expect([...wrong.topkIndices.dataSync()]).toEqual([3, 0]);
    expectAllClose(right.topkWeights.dataSync(), [1 / 3, 2 / 3], { rtol: 1e-5, atol: 0 });
    expectAllClose(wrong.topkWeights.dataSync(), [4 / 7, 3 / 7], { rtol: 1e-5, atol: 0 });
  });
});

describe('objectives with a bug', () => {
  const input = (): LossInput => ({
    ids: idTensor(randomIds(2, 12, smallConfig.vocabSize, 5)),
    documentIds: idTensor([
      [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2],
      [0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 3],
    ]),
  });

  it('B11: adds the depths up', () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 4);
    const [total, main, first, second] = numbers(summedDepths(model, input(), weights));
    expect(total).toBeCloseTo(main! + 0.3 * (first! + second!), 5);
    model.dispose();
  });

  it('B13: counts MTP labels of the next document, and leaves the main loss alone', () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 4);
    const [right, wrong] = [computeLoss, labelsAcrossDocuments].map((objective) =>
      numbers(objective(model, input(), weights)),
    );
    expect(wrong![1]).toBe(right![1]);
    expect(Math.abs(wrong![2]! - right![2]!)).toBeGreaterThan(1e-3);
    expect(Math.abs(wrong![3]! - right![3]!)).toBeGreaterThan(1e-3);
    model.dispose();
  });

  it('B5: moves the bias with every part, where the trainer moves it once', async () => {
    const train = { ...nanoTrain, gradAccumSteps: 3, expertBiasUpdateSpeed: 0 };
    const ids = Int32Array.from(randomIds(3, 12, smallConfig.vocabSize, 5).flat());
    const batch = { batchSize: 3, seqLen: 11, ids, documentIds: new Int32Array(36), domains: new Int32Array(3) };
    const model = new DeepseekV3ForCausalLM(smallConfig, 4);
    const optimizer = new AdamW(model.parameters, train);
    const learner = { model, optimizer, average: null, passes: new Repeated(), objective: biasPerMicroBatch(0.01) };
    await trainStep(learner, batch, planRun(train)[0]!, train);
    // Three moves of 0.01 or none: with twelve experts some were always above the mean load, or always below.
    const moves = [...model.expertBiases.values()].flatMap((bias) =>
      Array.from(bias.dataSync(), (b) => Math.round(Math.abs(b) / 0.01)),
    );
    expect(Math.max(...moves)).toBe(3);
    optimizer.dispose();
    model.dispose();
  });
});

describe('optimizers', () => {
  const gradientsOf = (model: DeepseekV3ForCausalLM) =>
    new Map(Array.from(model.parameters, ([name, { shape }]) => [name, tf.fill(shape, 0.3)]));

  it('B17: weight decay pulls at the bias', () => {
    const model = new DeepseekV3ForCausalLM(smallConfig, 4);
    spreadBiases(model, 3);
    const before = [...model.expertBiases.values()].map((bias) => bias.dataSync());
    const optimizer = new DecayedBiasAdamW(model, { ...nanoTrain, weightDecay: 0.5 });
    tf.tidy(() => optimizer.update(gradientsOf(model), 0.2, tf.scalar(1)));
    for (const [i, bias] of [...model.expertBiases.values()].entries()) {
      expectAllClose(
        bias.dataSync(),
        before[i]!.map((b) => b * 0.9),
        { rtol: 1e-6, atol: 0 },
      );
    }
    optimizer.dispose();
    model.dispose();
  });
});
