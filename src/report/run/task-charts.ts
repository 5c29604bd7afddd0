// The charts of a run that is trained for a task: rewards, right answers, lengths, and what reinforcement learning is
// watched by.

import { dottedCurve, noisyCurves } from '../charts/line-chart.ts';
import { pointsOf } from '../charts/points.ts';
import type { RunData } from '../run-data.ts';
import type { OverlayChart } from './run-charts.ts';

const sampled = ({ metrics }: RunData, run: number, key: string, name: string, hue = 0, dash = 0) =>
  noisyCurves(run, pointsOf(metrics, key), name, hue, dash);

export const taskCharts: readonly OverlayChart[] = [
  {
    id: 'reward',
    title: 'Reward and truth',
    advice:
      'The mean reward of the sampled answers, and the share that the verifier calls right: where the reward rises and the truth falls, the reward is being gamed.',
    yLabel: 'mean over answers',
    curvesOf: (run, index) => [
      ...sampled(run, index, 'grpo/reward', 'reward, '),
      ...sampled(run, index, 'grpo/pass_at_1', 'right, ', 2, 1),
    ],
  },
  {
    id: 'pass-rates',
    title: 'Held-out problems solved',
    advice: 'pass@1 should come up towards pass@k; a pass@k that falls means that answers become alike.',
    yLabel: 'share of problems',
    zero: true,
    curvesOf: ({ metrics }, run) => [
      dottedCurve(run, 'pass@1', pointsOf(metrics, 'task/pass_at_1'), 0),
      dottedCurve(run, 'pass@k', pointsOf(metrics, 'task/pass_at_k'), 1, 1),
    ],
  },
  {
    id: 'answer-length',
    title: 'Tokens of an answer',
    advice:
      'Growth that no reward asks for is reasoning that appears; a length at the limit is answers that never end.',
    yLabel: 'tokens',
    zero: true,
    curvesOf: ({ metrics }, run) => [
      ...noisyCurves(run, pointsOf(metrics, 'grpo/length'), 'sampled, '),
      dottedCurve(run, 'held-out', pointsOf(metrics, 'task/length'), 1),
    ],
  },
  {
    id: 'kl',
    title: 'Divergence from the model at the start',
    advice: 'The price of what is learned: it should level off; a steep rise says that the rate is too high.',
    yLabel: 'nats per token',
    zero: true,
    curvesOf: (run, index) => sampled(run, index, 'grpo/kl', ''),
  },
  {
    id: 'entropy',
    title: 'Entropy of the answers',
    advice: 'At zero all answers to a problem are the same and nothing is learned any more.',
    yLabel: 'nats per token',
    zero: true,
    curvesOf: (run, index) => sampled(run, index, 'grpo/entropy', ''),
  },
  {
    id: 'clipped',
    title: 'Clipped ratios',
    advice: 'Where the clip removed the gradient: zero with one update a step, some percent with several.',
    yLabel: 'share',
    zero: true,
    curvesOf: (run, index) => sampled(run, index, 'grpo/clipped', ''),
  },
  {
    id: 'silent-groups',
    title: 'Groups without signal',
    advice:
      'Problems whose answers were all worth the same teach nothing: too hard at the beginning, solved at the end.',
    yLabel: 'groups of a step',
    zero: true,
    curvesOf: (run, index) => sampled(run, index, 'grpo/silent_groups', ''),
  },
  {
    id: 'critic-loss',
    title: 'Loss of the critic',
    advice: 'How far off the critic is: it should fall before its advantages are worth anything.',
    yLabel: 'half the squared error',
    zero: true,
    curvesOf: (run, index) => sampled(run, index, 'grpo/critic_loss', ''),
  },
];
