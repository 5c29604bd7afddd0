// PPO's critic: advantages by token, its loss, and that it learns, against a reference in PyTorch.

import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { criticLoss } from '../../../src/post-training/grpo/critic.ts';
import { tokenAdvantages, whiten } from '../../../src/post-training/grpo/gae.ts';
import { grpoLoss } from '../../../src/post-training/grpo/loss.ts';
import { memoryStore } from '../../../src/runs/memory-store.ts';
import { tf } from '../../../src/tensor/tf.ts';
import type { TrainEvent } from '../../../src/train/events.ts';
import { expectAllClose } from '../../all-close.ts';
import { loadGoldenJson } from '../../goldens/load.ts';
import { lettersModel, lettersOptions, runLetters } from './letters.ts';

interface Case {
  readonly lambda: number;
  readonly advantages: number[][];
  readonly whitened: number[][];
  readonly targets: number[][];
  readonly loss: number;
  readonly dLogps: number[][];
  readonly criticLoss: number;
  readonly dValues: number[][];
}

interface Golden {
  readonly rewards: number[];
  readonly lengths: number[];
  readonly starts: number[];
  readonly logps: number[][];
  readonly sampled: number[][];
  readonly values: number[][];
  readonly clip: number;
  readonly cases: Case[];
}

const golden = loadGoldenJson('ppo.json') as unknown as Golden;
const of = (values: readonly number[], b: number) => {
  return values.slice(golden.starts[b], golden.starts[b]! + golden.lengths[b]!);
};
/** Values of each answer in the places of its tokens, 0 elsewhere. */
const placed = (values: readonly (readonly number[])[]) =>
  golden.logps.map((row, b) => row.map((_, i) => values[b]![i - golden.starts[b]!] ?? 0));
const ones = golden.lengths.map((length) => new Array<number>(length).fill(1));
const tokens = golden.lengths.reduce((sum, length) => sum + length, 0);
/** Sums of some dozen float32 terms of order 1, whose ratios come from an exponential. */
const tolerance = { rtol: 2e-5, atol: 1e-6 };

describe('tokenAdvantages', () => {
  it.each(golden.cases)('golden: lambda $lambda', ({ lambda, ...expected }) => {
    const found = golden.rewards.map((reward, b) => tokenAdvantages(reward, of(golden.values[b]!, b), lambda));
    // Float64 on both sides; the values are float32 and are written with that many digits.
    const exact = { rtol: 1e-6, atol: 1e-6 };
    for (const [b, { advantages, targets }] of found.entries()) {
      expectAllClose(advantages, expected.advantages[b]!, exact);
      expectAllClose(targets, expected.targets[b]!, exact);
    }
    const whitened = whiten(found.map(({ advantages }) => advantages));
    for (const [b, values] of whitened.entries()) expectAllClose(values, expected.whitened[b]!, exact);
  });

  it('property: with lambda 1 an advantage is the reward less the value', () => {
    expectAllClose(tokenAdvantages(1, [0.5, 0.8], 1).advantages, [0.5, 0.2], { rtol: 1e-12, atol: 1e-12 });
  });
});

describe.each(['cpu', 'engine'] as const)('losses on %s', (backend) => {
  beforeAll(async () => void (await activateBackend(backend)));

  it.each(golden.cases)('golden: the policy, lambda $lambda', ({ whitened, loss, dLogps }) => {
    const { value, grad } = tf.tidy(() => {
      const input = {
        sampled: tf.tensor2d(golden.sampled),
        reference: null,
        advantages: tf.tensor2d(placed(whitened)),
        weights: tf.tensor2d(placed(ones.map((row) => row.map((one) => one / tokens)))),
      };
      const options = { level: 'token', clip: golden.clip, beta: 0 } as const;
      const f = (logps: tf.Tensor) => grpoLoss({ ...input, logps: logps as tf.Tensor2D }, options);
      const found = tf.valueAndGrad(f)(tf.tensor2d(golden.logps));
      return { value: found.value.dataSync(), grad: found.grad.dataSync() };
    });
    expectAllClose(value, [loss], tolerance);
    expectAllClose(grad, dLogps.flat(), tolerance);
  });

  it.each(golden.cases)('golden: the critic, lambda $lambda', ({ targets, criticLoss: loss, dValues }) => {
    const { value, grad } = tf.tidy(() => {
      const f = (values: tf.Tensor) =>
        criticLoss(values as tf.Tensor2D, tf.tensor2d(placed(targets)), tf.tensor2d(placed(ones)));
      const found = tf.valueAndGrad(f)(tf.tensor2d(golden.values));
      return { value: found.value.dataSync(), grad: found.grad.dataSync() };
    });
    expectAllClose(value, [loss], tolerance);
    expectAllClose(grad, dValues.flat(), tolerance);
  });
});

describe('grpo with a critic', () => {
  beforeAll(async () => void (await activateBackend('engine', { threads: 1 })));
  const withCritic = { ...lettersOptions.grpo, advantage: 'critic' } as const;

  it('learns to expect the reward, and leaves no tensor behind', async () => {
    const init = await lettersModel(0);
    const losses: number[] = [];
    const before = tf.memory().numTensors;
    await runLetters(init, memoryStore(), {
      // A reward that is always the same is known as soon as the critic has moved that far.
      ...{ reward: () => 1, grpo: withCritic, train: { ...lettersOptions.train, steps: 30, checkpointEvery: 0 } },
      onEvent: (event: TrainEvent) => {
        if (event.type === 'step') losses.push(Number(event.metrics['grpo/critic_loss']));
      },
    });
    expect(losses[0]).toBeGreaterThan(0.2); // it begins by expecting 0
    expect(losses[0]).toBeLessThanOrEqual(0.5);
    expect(losses.at(-1)).toBeLessThan(0.1);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses a ratio of whole answers', async () => {
    const init = await lettersModel(0);
    await expect(runLetters(init, memoryStore(), { grpo: { ...withCritic, level: 'sequence' } })).rejects.toThrow(
      'grpo: a critic gives each token an advantage of its own; take --level token with it',
    );
  });
});
