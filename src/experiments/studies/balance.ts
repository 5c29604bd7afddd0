// Which mechanism keeps the experts balanced, and what does it cost? The small version of arXiv:2408.15664 (F 2.4).
//
// 2000 steps and 16 experts: with gamma 1e-3 a bias can travel 2, enough to reorder sigmoid affinities (F 2.4, Mini).
// No groups and no MTP, as in that paper, and no sequence-wise complement next to the bias: one mechanism an arm.

import type { Arm, Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

const bias = (speed: number) => ({ balancing: 'bias', expertBiasUpdateSpeed: speed, balanceLossFactor: 0 }) as const;
const aux = (balancing: 'batch-aux' | 'sequence-aux', alpha: number) =>
  ({ balancing, balanceLossFactor: alpha }) as const;

const arms: readonly Arm[] = [
  { name: 'bias-1e-3', label: 'bias, gamma 1e-3', trainChanges: bias(1e-3) },
  { name: 'bias-1e-2', label: 'bias, gamma 1e-2', trainChanges: bias(1e-2) },
  { name: 'bias-1e-4', label: 'bias, gamma 1e-4', trainChanges: bias(1e-4) },
  {
    name: 'bias-proportional',
    label: 'bias, by the error, u 1e-3',
    trainChanges: { ...bias(1e-3), expertBiasUpdateRule: 'proportional' },
  },
  {
    name: 'bias-multiplicative',
    label: 'bias as a factor, u 1e-3',
    modelChanges: { expertBiasForm: 'multiplicative' },
    trainChanges: bias(1e-3),
  },
  {
    name: 'bias-softmax',
    label: 'bias, softmax affinities, gamma 1e-3',
    modelChanges: { scoringFunc: 'softmax' },
    trainChanges: bias(1e-3),
  },
  { name: 'batch-aux-1e-2', label: 'batch-wise loss, alpha 1e-2', trainChanges: aux('batch-aux', 1e-2) },
  { name: 'batch-aux-1e-3', label: 'batch-wise loss, alpha 1e-3', trainChanges: aux('batch-aux', 1e-3) },
  { name: 'batch-aux-1e-4', label: 'batch-wise loss, alpha 1e-4', trainChanges: aux('batch-aux', 1e-4) },
  { name: 'sequence-aux-1e-3', label: 'sequence-wise loss, alpha 1e-3', trainChanges: aux('sequence-aux', 1e-3) },
  { name: 'none', label: 'no balancing', trainChanges: { balancing: 'none' } },
];

export const balance: Study = {
  name: 'balance',
  title: 'Balancing the experts: a bias, a loss, or nothing',
  question:
    'Does a bias that is nudged after every step balance the experts better than an auxiliary loss, and without costing loss?',
  source: 'arXiv:2408.15664 sections 4 and 5; arXiv:2412.19437 section 2.1.2',
  equal: 'Equal tokens, parameters and FLOPs in all arms.',
  preset: 'tiny',
  base: { modelChanges: smallMoe, trainChanges: { ...smallMoeTrain, expertBiasFreezeFraction: 0.1 } },
  quick: smallMoeQuick,
  arms,
  metrics: [
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'maxVioGlobal', label: 'MaxVio, all held-out text', better: 'lower' },
    { key: 'maxVioBatch', label: 'MaxVio per batch, last tenth', better: 'lower' },
    { key: 'deadExperts', label: 'experts without a token, per batch', better: 'lower' },
    { key: 'frozenMaxVioRatio', label: 'MaxVio with gamma 0, over that before' },
  ],
  hypotheses: [
    {
      claim: 'Without balancing the busiest expert gets more than twice its share.',
      metric: 'maxVioGlobal',
      arm: 'none',
      expect: { above: 1 },
    },
    {
      claim: 'The bias leaves less than half the imbalance of the usual auxiliary loss.',
      metric: 'maxVioGlobal',
      arm: 'bias-1e-3',
      against: 'batch-aux-1e-3',
      as: 'ratio',
      expect: { below: 0.5 },
      paper: 'MaxVio 0.04 against 0.72 at 1B: a ratio of 0.06 (table 2)',
    },
    {
      claim: 'The bias loses no more than 0.02 nats against the strongest auxiliary loss.',
      metric: 'loss',
      arm: 'bias-1e-3',
      against: 'batch-aux-1e-2',
      expect: { below: 0.02 },
    },
    {
      claim: 'The bias reaches a lower loss than the usual auxiliary loss.',
      metric: 'loss',
      arm: 'bias-1e-3',
      against: 'batch-aux-1e-3',
      expect: { below: 0 },
      paper: 'perplexity 9.50 against 9.56: 0.006 nats, which is below the noise at this size',
    },
    {
      claim: 'A bias that multiplies does as well as one that is added, within 0.02 nats.',
      metric: 'loss',
      arm: 'bias-multiplicative',
      against: 'bias-1e-3',
      expect: { within: 0.02 },
      paper: 'perplexity 9.52 against 9.50: 0.002 nats',
    },
    {
      claim: 'Moving by the size of the error balances better than moving by its sign.',
      metric: 'maxVioGlobal',
      arm: 'bias-proportional',
      against: 'bias-1e-3',
      as: 'ratio',
      expect: { below: 1 },
      paper: 'MaxVio 0.036 against 0.044 at the same speed',
    },
    {
      claim: 'Softmax affinities end at a higher loss than sigmoid ones.',
      metric: 'loss',
      arm: 'bias-softmax',
      against: 'bias-1e-3',
      expect: { above: 0 },
      paper: 'perplexity 9.60 against 9.50: 0.010 nats',
    },
    {
      claim: 'With gamma 0 at the end of the run the imbalance per batch grows by less than half.',
      metric: 'frozenMaxVioRatio',
      arm: 'bias-1e-3',
      expect: { below: 1.5 },
      paper: 'gamma is 0 for the last 500B of 14.8T tokens; no figure given',
    },
  ],
  paper: [
    '1B: auxiliary loss perplexity 9.56, MaxVio 0.72; bias perplexity 9.50, MaxVio 0.04.',
    '3B: auxiliary loss perplexity 7.97, MaxVio 0.52; bias perplexity 7.92, MaxVio 0.04.',
    'Softmax gate: auxiliary loss 9.604, MaxVio 0.937; bias 9.599, MaxVio 0.027.',
  ],
  scatters: [
    {
      title: 'Loss against balance',
      advice:
        'The lower left corner is good at both: an arm further left balances better, one further down predicts better.',
      x: 'maxVioGlobal',
      y: 'loss',
    },
  ],
};
