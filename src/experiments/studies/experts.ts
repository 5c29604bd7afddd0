// Coarse, fine-grained, and shared plus fine-grained experts: DeepSeekMoE in small (F 2.2).
//
// All arms have the same expert parameters (8 x 64 = 32 x 16 hidden units) and the same active ones (128).

import type { Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

const offAtEvaluation = [0, 12.5, 25, 37.5, 50];

export const experts: Study = {
  name: 'experts',
  title: 'Few large experts, or many small ones and a shared one?',
  question:
    'Do fine-grained experts learn more at the same cost, and do they and the shared expert become hard to do without?',
  source: 'arXiv:2401.06066 sections 3 and 4',
  equal:
    'Equal tokens, equal parameters and FLOPs of the experts; the router grows with the number of experts (below 1 % of the parameters, below 2 % of the FLOPs).',
  preset: 'tiny',
  base: {
    modelChanges: smallMoe,
    trainChanges: { ...smallMoeTrain, expertBiasUpdateSpeed: 3e-3, balanceLossFactor: 0 },
  },
  quick: smallMoeQuick,
  arms: [
    {
      name: 'coarse',
      label: '2 of 8 experts of width 64',
      modelChanges: { nRoutedExperts: 8, numExpertsPerTok: 2, moeIntermediateSize: 64, nSharedExperts: 0 },
    },
    {
      name: 'fine',
      label: '8 of 32 experts of width 16',
      modelChanges: { nRoutedExperts: 32, numExpertsPerTok: 8, moeIntermediateSize: 16, nSharedExperts: 0 },
    },
    {
      name: 'shared-fine',
      label: '1 shared and 7 of 31 experts of width 16',
      modelChanges: { nRoutedExperts: 31, numExpertsPerTok: 7, moeIntermediateSize: 16, nSharedExperts: 1 },
    },
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'sharedOffPenalty', label: 'loss added by one more routed expert in place of the shared one', unit: 'nats' },
    { key: 'topOffPenalty', label: 'loss added without the most used quarter of the experts', unit: 'nats' },
    { key: 'maxVioGlobal', label: 'MaxVio, all held-out text', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'Fine-grained experts reach a lower loss than coarse ones.',
      metric: 'loss',
      arm: 'fine',
      against: 'coarse',
      expect: { below: 0 },
      paper: '1.867 (GShard, 2 coarse experts) to 1.808 (DeepSeekMoE, shared and fine) on the Pile at 2B',
    },
    {
      claim: 'With a shared expert the loss is not higher than without, within 0.01 nats.',
      metric: 'loss',
      arm: 'shared-fine',
      against: 'fine',
      expect: { below: 0.01 },
      paper: 'part of the step from 1.867 to 1.808',
    },
    {
      claim:
        'Without the shared expert at evaluation, one more routed expert in its place, the loss jumps by more than 0.1.',
      metric: 'sharedOffPenalty',
      arm: 'shared-fine',
      expect: { above: 0.1 },
      paper: '1.808 to 2.414: 0.606 nats',
    },
    {
      claim: 'Switching off the most used quarter hurts fine-grained experts more than coarse ones.',
      metric: 'topOffPenalty',
      arm: 'fine',
      against: 'coarse',
      expect: { above: 0 },
      paper: 'figure 4: DeepSeekMoE degrades faster than GShard x 1.5',
    },
  ],
  paper: [
    'Pile loss at 2B, 100B tokens: dense 2.060, Switch 1.881, GShard 1.867, DeepSeekMoE 1.808.',
    'Shared expert disabled and one more routed expert active: 1.808 to 2.414.',
  ],
  series: [
    {
      title: 'Most used experts switched off at evaluation',
      advice: 'The steeper the line, the less the other experts can stand in: that is specialisation.',
      xLabel: 'experts switched off, %',
      yLabel: 'held-out loss, nats per token',
      points: offAtEvaluation.map((percent) => ({ x: percent, metric: `lossTopOff/${percent}` })),
    },
  ],
  evaluate: async (trained) => (await import('../probes/experts-off.ts')).probeExpertsOff(trained, offAtEvaluation),
};
