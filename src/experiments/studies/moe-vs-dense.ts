// A mixture of experts against dense models of equal FLOPs, equal time and equal size: so that nobody is misled.
//
// Widths: the mixture has 256 hidden units in its dense layer and 5 x 32 active ones in each of two others, with a
// router of 16 x 64; three dense layers of 196 cost the same per token within 0.1 %, three of 448 have as many
// parameters.

import type { Arm, Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

const dense = (name: string, label: string, intermediateSize: number): Arm => ({
  name,
  label,
  modelChanges: { intermediateSize, firstKDenseReplace: 3 },
  trainChanges: { balancing: 'none' },
});

/** Steps of the dense model of equal FLOPs in the time of one step of the mixture, one thread of the engine. */
const speedRatio = 1.15;

export const moeVsDense: Study = {
  name: 'moe-vs-dense',
  title: 'A mixture of experts against dense models',
  question:
    'At this size, is a mixture of experts worth it: at equal FLOPs, at equal wall clock, and against a dense model of all its parameters?',
  source: 'arXiv:2401.06066 table 1',
  equal:
    `Equal FLOPs per token (dense-flops), equal time (dense-time: ${speedRatio} times the steps, from measured speeds; the wall clock that came out is in the table), ` +
    'equal parameters (dense-parameters). Equal tokens but for dense-time.',
  preset: 'tiny',
  seeds: 8, // three and five were not enough: see docs/results.md
  base: {
    modelChanges: smallMoe,
    trainChanges: { ...smallMoeTrain, expertBiasUpdateSpeed: 3e-3 },
  },
  quick: smallMoeQuick,
  arms: [
    { name: 'moe', label: 'mixture, 4 of 16 experts and one shared' },
    dense('dense-flops', 'dense, equal FLOPs', 196),
    { ...dense('dense-time', 'dense, equal time', 196), stepsFactor: speedRatio },
    dense('dense-parameters', 'dense, equal parameters', 448),
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'seconds', label: 'wall clock', unit: 'seconds', better: 'lower' },
    { key: 'flops', label: 'training FLOPs', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'At equal FLOPs the mixture reaches a lower loss than the dense model.',
      metric: 'loss',
      arm: 'moe',
      against: 'dense-flops',
      expect: { below: 0 },
      paper: '1.808 against 2.060 on the Pile at 2B, where the dense model has the active size of two experts',
    },
    {
      claim: 'At equal wall clock it still does.',
      metric: 'loss',
      arm: 'moe',
      against: 'dense-time',
      expect: { below: 0 },
      paper: 'no figure: the paper counts FLOPs',
    },
    {
      claim: 'The mixture is within 0.05 nats of a dense model of all its parameters.',
      metric: 'loss',
      arm: 'moe',
      against: 'dense-parameters',
      expect: { within: 0.05 },
      paper: '1.808 against 1.806 for the dense model of 16 times the width (table 2)',
    },
  ],
  paper: ['Pile loss at 2B, 100B tokens: dense 2.060, DeepSeekMoE 1.808, dense x 16 1.806.'],
  scatters: [
    {
      title: 'Loss against wall clock',
      advice: 'Further left is quicker, further down predicts better; seconds depend on what else the machine did.',
      x: 'seconds',
      y: 'loss',
    },
  ],
};
