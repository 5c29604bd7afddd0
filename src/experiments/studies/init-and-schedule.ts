// The report's initialisation and learning-rate schedule at this size (F 1.7, 6.4).
//
// std * sqrt(width) is what reaches the next layer: 0.51 in the report (0.006 at width 7168), 0.064 keeps it at width
// 64.

import type { Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

export const initAndSchedule: Study = {
  name: 'init-and-schedule',
  title: 'How weights start, and how the learning rate ends',
  question:
    "Does the report's standard deviation of 0.006 carry over to a small width, and does its schedule do better than a cosine or a constant rate?",
  source: 'arXiv:2412.19437 section 4.2',
  equal: 'Equal tokens, parameters and FLOPs in all arms.',
  preset: 'tiny',
  base: { modelChanges: smallMoe, trainChanges: smallMoeTrain },
  quick: smallMoeQuick,
  arms: [
    { name: 'report', label: 'std 0.064 (scaled to the width), schedule of the report' },
    { name: 'std-0.02', label: 'std 0.02', modelChanges: { initializerRange: 0.02 } },
    { name: 'std-0.006', label: 'std 0.006 (that of the report)', modelChanges: { initializerRange: 0.006 } },
    { name: 'cosine', label: 'cosine to a tenth', trainChanges: { lrSchedule: 'cosine' } },
    { name: 'constant', label: 'constant rate', trainChanges: { lrSchedule: 'constant' } },
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'earlyLoss', label: 'training loss, second tenth of the steps', unit: 'nats per token', better: 'lower' },
    { key: 'trainLoss', label: 'training loss, last tenth', unit: 'nats per token', better: 'lower' },
    { key: 'maxVioGlobal', label: 'MaxVio, all held-out text', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'Standard deviation 0.006 at width 64 starts slower: more than 0.05 nats behind in the second tenth.',
      metric: 'earlyLoss',
      arm: 'std-0.006',
      against: 'report',
      expect: { above: 0.05 },
    },
    {
      claim: 'It is still behind at the end, by more than 0.02 nats.',
      metric: 'loss',
      arm: 'std-0.006',
      against: 'report',
      expect: { above: 0.02 },
    },
    {
      claim: 'A constant rate ends more than 0.02 nats above the schedule of the report.',
      metric: 'loss',
      arm: 'constant',
      against: 'report',
      expect: { above: 0.02 },
    },
    {
      claim: 'A cosine does as well as the schedule of the report, within 0.02 nats.',
      metric: 'loss',
      arm: 'cosine',
      against: 'report',
      expect: { within: 0.02 },
    },
  ],
  paper: [
    'Standard deviation 0.006 at width 7168; 2.2e-4 constant for 68 % of the tokens, a cosine down to a tenth until 97 %, then two short constant phases. No ablation is published.',
  ],
};
