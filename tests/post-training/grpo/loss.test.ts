import { beforeAll, describe, expect, it } from 'vitest';
import { activateBackend } from '../../../src/backends/backends.ts';
import { type AdvantageKind, groupAdvantages } from '../../../src/post-training/grpo/advantages.ts';
import {
  type GrpoLossInput,
  type GrpoLossOptions,
  grpoLoss,
  type MeanOver,
  tokenWeights,
} from '../../../src/post-training/grpo/loss.ts';
import { tf } from '../../../src/tensor/tf.ts';
import { expectAllClose } from '../../all-close.ts';
import { loadGoldenJson } from '../../goldens/load.ts';

interface Case extends GrpoLossOptions {
  readonly meanOver: MeanOver;
  readonly loss: number;
  readonly dLogps: number[][];
}

interface Golden {
  readonly rewards: number[][];
  readonly advantages: Record<AdvantageKind, number[][]>;
  readonly lengths: number[];
  readonly starts: number[];
  readonly logps: number[][];
  readonly sampled: number[][];
  readonly reference: number[][];
  readonly cases: Case[];
}

const golden = loadGoldenJson('grpo.json') as unknown as Golden;
/** Sums of some dozen float32 terms of order 1, whose ratios come from an exponential. */
const tolerance = { rtol: 2e-5, atol: 1e-6 };

/** The share of each position of each row. */
function weightsOf(meanOver: MeanOver): number[][] {
  const shares = tokenWeights(golden.lengths, meanOver);
  return golden.logps.map((row, b) => {
    const [start, end] = [golden.starts[b]!, golden.starts[b]! + golden.lengths[b]!];
    return row.map((_, i) => (i >= start && i < end ? shares[b]! : 0));
  });
}

function inputOf(meanOver: MeanOver): Omit<GrpoLossInput, 'logps'> {
  return {
    sampled: tf.tensor2d(golden.sampled),
    reference: tf.tensor2d(golden.reference),
    advantages: tf.tensor1d(golden.advantages.group.flat()),
    weights: tf.tensor2d(weightsOf(meanOver)),
  };
}

type Loss = (input: GrpoLossInput, options: GrpoLossOptions) => tf.Scalar;

/** Loss and gradient of a case. */
function differentiate(loss: Loss, { meanOver, ...options }: Case) {
  return tf.tidy(() => {
    const input = inputOf(meanOver);
    const f = (logps: tf.Tensor) => loss({ ...input, logps: logps as tf.Tensor2D }, options);
    const { value, grad } = tf.valueAndGrad(f)(tf.tensor2d(golden.logps));
    return { value: value.dataSync(), grad: grad.dataSync() };
  });
}

describe('groupAdvantages', () => {
  it.each(['group', 'mean', 'reward'] as const)('golden: %s', (kind) => {
    for (const [i, rewards] of golden.rewards.entries()) {
      // Float64 on both sides; what is 0 here is a rounding error of a mean over 1e-6 there.
      const expected = golden.advantages[kind][i]!;
      expectAllClose(groupAdvantages(rewards, kind), expected, { rtol: 1e-12, atol: 1e-9 });
    }
  });

  it('is exactly 0 where all answers got the same reward, whatever that is', () => {
    for (const reward of [0, 0.1, 1, 1e9]) {
      const rewards = [reward, reward, reward];
      expect(groupAdvantages(rewards, 'group')).toEqual([0, 0, 0]);
      expect(groupAdvantages(rewards, 'mean')).toEqual([0, 0, 0]);
      expect(groupAdvantages(rewards, 'reward')).toEqual(rewards);
    }
  });

  it('does not take a rounding error for a difference', () => {
    for (const advantage of groupAdvantages([0.1 + 0.2, 0.3], 'group')) expect(Math.abs(advantage)).toBeLessThan(1e-9);
  });
});

describe('tokenWeights', () => {
  it('shares 1 out by answer or by token', () => {
    expect(tokenWeights([2, 8], 'answer')).toEqual([1 / 4, 1 / 16]);
    expect(tokenWeights([2, 8], 'token')).toEqual([1 / 10, 1 / 10]);
  });
});

describe.each(['cpu', 'engine'] as const)('grpoLoss on %s', (backend) => {
  beforeAll(async () => void (await activateBackend(backend)));

  it.each(golden.cases)('golden: level $level, mean over $meanOver, clip $clip, beta $beta', (given) => {
    const { value, grad } = differentiate(grpoLoss, given);
    expectAllClose(value, [given.loss], tolerance);
    expectAllClose(grad, given.dLogps.flat(), tolerance);
  });

  it('stays finite where the policies are far apart, and where nothing was sampled', () => {
    const { value, grad } = differentiate(
      (input, options) => grpoLoss({ ...input, sampled: tf.sub(input.sampled, 1000) }, options),
      golden.cases[3]!,
    );
    for (const number of [...value, ...grad]) expect(Number.isFinite(number)).toBe(true);
  });

  it('property: at the sampling policy without a reference it is the policy gradient: minus share times advantage', () => {
    const given = golden.cases[2]!;
    const { grad } = differentiate((input, options) => {
      return grpoLoss({ ...input, sampled: tf.tensor2d(golden.logps), reference: null }, options);
    }, given);
    const advantages = golden.advantages.group.flat();
    const expected = weightsOf('answer').flatMap((row, b) => row.map((share) => -share * advantages[b]!));
    expectAllClose(grad, expected, tolerance);
  });
});

describe('known bugs of GRPO: each is seen by the goldens', () => {
  beforeAll(async () => void (await activateBackend('cpu')));

  const mean = (x: tf.Tensor, weights: tf.Tensor2D) => tf.sum<tf.Scalar>(tf.mul(weights, x));
  const policyTerm = ({ logps, sampled, advantages }: GrpoLossInput, clip: number) => {
    const ratio = tf.exp(tf.sub(logps, sampled));
    const A = tf.expandDims(advantages, 1);
    return tf.minimum(tf.mul(ratio, A), tf.mul(tf.clipByValue(ratio, 1 - clip, 1 + clip), A));
  };
  const k3 = (d: tf.Tensor) => tf.sub(tf.sub(tf.exp(d), d), 1);
  /** The loss at the level of tokens, written once more, with one place for each bug. */
  const written =
    ({
      policy = policyTerm,
      divergence = ({ logps, reference }: GrpoLossInput) => k3(tf.sub(reference!, logps)),
      sign = -1,
    }) =>
    (input: GrpoLossInput, { clip, beta }: GrpoLossOptions): tf.Scalar =>
      tf.mul(mean(tf.sub(policy(input, clip), tf.mul(divergence(input), beta)), input.weights), sign);

  const byAnswer = golden.cases[0]!;
  const distance = (loss: Loss, given = byAnswer) => {
    const { grad } = differentiate(loss, given);
    const expected = given.dLogps.flat();
    return Math.max(...grad.map((value, i) => Math.abs(value - expected[i]!)));
  };
  /** A gradient has entries up to 0.2; each bug is far beyond the tolerance. */
  const visible = 1e-4;

  it('without a bug it is the same', () => {
    expect(distance(written({}))).toBeLessThan(1e-6);
  });

  it.each<[bug: string, loss: Loss]>([
    ['the sign: the objective in place of the loss', written({ sign: 1 })],
    [
      'the divergence rewarded, not punished',
      written({ divergence: ({ logps, reference }) => tf.neg(k3(tf.sub(reference!, logps))) }),
    ],
    [
      'k3 the wrong way round: of the policy over the reference',
      written({ divergence: ({ logps, reference }) => k3(tf.sub(logps, reference!)) }),
    ],
    [
      'the ratio without a constant below: its gradient vanishes',
      written({ policy: (input, clip) => policyTerm({ ...input, sampled: input.logps }, clip) }),
    ],
    [
      'the larger of both terms in place of the smaller',
      written({
        policy: ({ logps, sampled, advantages }, clip) => {
          const ratio = tf.exp(tf.sub(logps, sampled));
          const A = tf.expandDims(advantages, 1);
          return tf.maximum(tf.mul(ratio, A), tf.mul(tf.clipByValue(ratio, 1 - clip, 1 + clip), A));
        },
      }),
    ],
    ['no clip', written({ policy: (input) => policyTerm(input, 1e6) })],
  ])('%s', (_, loss) => {
    expect(distance(loss)).toBeGreaterThan(visible);
  });

  it('the mean over the wrong axis: over all tokens in place of answers', () => {
    const loss = (input: GrpoLossInput, options: GrpoLossOptions) =>
      grpoLoss({ ...input, weights: tf.tensor2d(weightsOf('token')) }, options);
    expect(distance(loss)).toBeGreaterThan(visible);
  });

  it('the ratio of single tokens where that of answers was asked for', () => {
    const loss = (input: GrpoLossInput, options: GrpoLossOptions) => grpoLoss(input, { ...options, level: 'token' });
    expect(distance(loss, golden.cases[3]!)).toBeGreaterThan(visible);
  });
});
