// The numbers that tell whether reinforcement learning goes well, of one step.

import type { Highlights } from '../../train/method.ts';
import type { Rollout } from '../rollouts/rollouts.ts';
import type { RatioLevel } from './loss.ts';
import type { ReferredAnswer } from './update.ts';

/** An answer after its update. */
interface SteppedAnswer extends ReferredAnswer {
  readonly rollout: Rollout;
  readonly reward: number;
  readonly isRight: boolean;
}

interface Step {
  readonly answers: readonly SteppedAnswer[];
  readonly groups: readonly (readonly SteppedAnswer[])[];
  /** The answers of each update, and the log probabilities of their tokens by the trainer before it. */
  readonly updates: readonly {
    readonly answers: readonly SteppedAnswer[];
    readonly outcome: { readonly logps: readonly Float32Array[] };
  }[];
  readonly clip: number;
  readonly level: RatioLevel;
  readonly sampleSeconds: number;
  readonly updateSeconds: number;
  /** Of the critic, before its update; null without one. */
  readonly criticLoss: number | null;
}

/**
 * Keys of the metrics line:
 *
 * - `grpo/reward`: the mean reward; `grpo/pass_at_1`: the share of right answers by the verifier, whatever the reward
 *   is; `grpo/pass_at_group`: the share of problems with a right answer.
 * - `grpo/length`: mean tokens of an answer; `grpo/ended`: the share that ended by itself.
 * - `grpo/kl`: the mean of k3 over all tokens, an estimate of KL(policy || reference) in nats a token; absent without a
 *   reference.
 * - `grpo/entropy`: the mean of -log p over the sampled tokens, an estimate of the entropy in nats a token.
 * - `grpo/clipped`: the share of tokens (of answers, at level `sequence`) for which the clip removed the gradient.
 * - `grpo/silent_groups`: groups in which every answer has advantage 0.
 * - `grpo/logp_difference`: the largest difference between the sampler and the trainer in a token's log probability,
 *   before the first update; absent in a step without one. Both have the same weights, so it is a rounding error.
 * - `grpo/critic_loss`: half the mean squared error of the critic, with one.
 * - `grpo/sample_tokens_per_second`, `grpo/sample_seconds`, `grpo/update_seconds` (rewards included).
 */
export type StepRecord = Readonly<Record<`grpo/${string}`, number>>;

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

export function stepRecord(step: Step): StepRecord {
  const { answers, groups, updates, sampleSeconds, updateSeconds, criticLoss, ...loss } = step;
  const tokens = answers.reduce((sum, { rollout }) => sum + rollout.ids.length, 0);
  const first = updates[0];
  return {
    'grpo/reward': mean(answers.map(({ reward }) => reward)),
    'grpo/pass_at_1': mean(answers.map(({ isRight }) => Number(isRight))),
    'grpo/pass_at_group': mean(groups.map((group) => Number(group.some(({ isRight }) => isRight)))),
    'grpo/length': tokens / answers.length,
    'grpo/ended': mean(answers.map(({ rollout }) => Number(rollout.ended))),
    ...(answers[0]!.reference === null ? {} : { 'grpo/kl': meanDivergence(answers) }),
    'grpo/entropy': -mean(answers.flatMap(({ rollout }) => [...rollout.logps])),
    'grpo/clipped': clippedShare(updates, loss),
    'grpo/silent_groups': groups.filter((group) => group.every(({ advantage }) => advantage === 0)).length,
    ...(first === undefined ? {} : { 'grpo/logp_difference': largestDifference(first) }),
    ...(criticLoss === null ? {} : { 'grpo/critic_loss': criticLoss }),
    'grpo/sample_tokens_per_second': tokens / sampleSeconds,
    'grpo/sample_seconds': sampleSeconds,
    'grpo/update_seconds': updateSeconds,
  };
}

/** The mean of k3 over the tokens of all answers, under the policy that sampled them. */
function meanDivergence(answers: readonly SteppedAnswer[]): number {
  return mean(
    answers.flatMap(({ rollout, reference }) =>
      rollout.logps.map((logp, i) => {
        const d = reference![i]! - logp;
        return Math.exp(d) - d - 1;
      }),
    ),
  );
}

function largestDifference({ answers, outcome }: Step['updates'][number]): number {
  const differences = answers.map(({ rollout }, a) =>
    rollout.logps.reduce((most, logp, i) => Math.max(most, Math.abs(logp - outcome.logps[a]![i]!)), 0),
  );
  return Math.max(...differences);
}

/** The share of ratios, of tokens or answers, that are beyond the clip on the side to which the advantage pushes. */
export function clippedShare(updates: Step['updates'], { clip, level }: Pick<Step, 'clip' | 'level'>): number {
  let [clipped, count] = [0, 0];
  for (const { answers, outcome } of updates) {
    for (const [a, { rollout, advantage, tokenAdvantages }] of answers.entries()) {
      const logRatios = rollout.logps.map((logp, i) => outcome.logps[a]![i]! - logp);
      const own = level === 'token' ? logRatios : [logRatios.reduce((sum, value) => sum + value, 0)];
      count += own.length;
      clipped += own.filter((logRatio, i) => {
        const ratio = Math.exp(logRatio);
        const pushed = tokenAdvantages?.[i] ?? advantage;
        return pushed > 0 ? ratio > 1 + clip : pushed < 0 && ratio < 1 - clip;
      }).length;
    }
  }
  return count === 0 ? 0 : clipped / count;
}

const percent = (share: number) => `${(100 * share).toFixed(share < 0.1 && share > 0 ? 1 : 0)} %`;

/** The record for people. */
export function describeStep(record: StepRecord, groups: number): Highlights {
  const of = (key: string) => record[`grpo/${key}`];
  const kl = of('kl');
  const difference = of('logp_difference');
  return {
    curve: of('reward')!,
    texts: [
      `reward ${of('reward')!.toFixed(3)}`,
      `right ${percent(of('pass_at_1')!)}`,
      `length ${of('length')!.toFixed(1)}`,
      ...(kl === undefined ? [] : [`KL ${kl.toFixed(3)}`]),
      `entropy ${of('entropy')!.toFixed(2)}`,
      `clipped ${percent(of('clipped')!)}`,
      `${of('silent_groups')} of ${groups} groups without signal`,
      ...(difference === undefined ? [] : [`sampler/trainer ${difference.toExponential(0)}`]),
      `${(of('sample_tokens_per_second')! / 1000).toFixed(1)} k tokens/s`,
    ],
  };
}
