// The MTP module in post-training, of which the report says nothing: are its drafts still accepted after SFT and RL,
// and does it have to be trained along?

import { miniatureModel } from '../../post-training/miniature.ts';
import type { Arm, Study } from '../study.ts';

/** Characters of the task `chain`, with the special tokens. */
const vocabSize = 21;

const arm = (name: string, label: string, procedureChanges: Arm['procedureChanges']): Arm => ({
  name,
  label,
  procedureChanges: { ...procedureChanges },
});

export const mtpAfter: Study = {
  name: 'mtp-after',
  title: 'Multi-token prediction after pre-training',
  question:
    'Does the main model still accept the drafts of its MTP module after SFT and RL, if the module is left alone?',
  source: 'arXiv:2412.19437 sections 2.2 and 5.4.3, which say nothing of post-training',
  equal: 'Equal model at the start, in which the module was trained along, and equal steps of the main model.',
  preset: 'tiny',
  base: {
    modelChanges: { ...miniatureModel, vocabSize, numNextnPredictLayers: 1 },
    trainChanges: { steps: 250, checkpointEvery: 0, sampleTokens: 0, evalEvery: 0 },
    procedureChanges: { stopAt: 0.4, learningRate: 5e-3, stage: 'rl', mtpWeight: 0.3, moreSft: 80, rlSteps: 80 },
  },
  quick: { trainChanges: { steps: 40 }, procedureChanges: { stopAt: null, moreSft: 3, rlSteps: 3 } },
  arms: [
    arm('rl-along', 'RL, module trained along', {}),
    arm('rl-frozen', 'RL, module left alone', { mtpWeight: 0 }),
    arm('sft-along', 'more SFT, module trained along', { stage: 'sft' }),
    arm('sft-frozen', 'more SFT, module left alone', { stage: 'sft', mtpWeight: 0 }),
  ],
  metrics: [
    { key: 'acceptance', label: 'drafts accepted', better: 'higher' },
    { key: 'acceptance/before', label: 'drafts accepted before', better: 'higher' },
    { key: 'acceptanceGain', label: 'gain of acceptance', better: 'higher' },
    { key: 'passAt1', label: 'pass@1', better: 'higher' },
  ],
  hypotheses: [
    {
      claim:
        'Left alone in RL, the module loses no more than 0.05 of its acceptance: answers become surer, not others.',
      metric: 'acceptanceGain',
      arm: 'rl-frozen',
      expect: { above: -0.05 },
    },
    {
      claim: 'Trained along in RL, more of its drafts are accepted than if it is left alone.',
      metric: 'acceptance',
      arm: 'rl-along',
      against: 'rl-frozen',
      expect: { above: 0 },
    },
    {
      claim: 'The same holds for SFT.',
      metric: 'acceptance',
      arm: 'sft-along',
      against: 'sft-frozen',
      expect: { above: 0 },
    },
    {
      claim: 'Training the module along costs RL nothing: pass@1 within 0.1.',
      metric: 'passAt1',
      arm: 'rl-along',
      against: 'rl-frozen',
      expect: { within: 0.1 },
    },
  ],
  paper: ['Of the drafts of the second next token, 85 to 90 % are accepted (section 5.4.3).'],
  prepare: async (work) => (await import('../procedures/drafts.ts')).teachWithDrafts(work),
  procedure: async (work) => (await import('../procedures/drafts.ts')).trainOn(work),
};
