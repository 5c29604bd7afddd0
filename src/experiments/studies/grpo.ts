// Reinforcement learning from a rule, sections 5.1 and 5.2 of the report in small: reasoning that appears because it is
// rewarded, and a skill that is sharpened.
//
// The task is `chain`: a digit and seven operations on it. Answered at once it is out of reach, which is chance, 10 %;
// with the value after each operation it is easy.

import { miniatureModel } from '../../post-training/miniature.ts';
import type { Arm, Metric, Study } from '../study.ts';

/** Characters of the task and of both system prompts, with the special tokens. */
const vocabSize = 23;

/**
 * Half of the samples are long answers that the system prompt asks for. The others have another system prompt, and an
 * answer at once, or, where long answers leak, one in twenty of them a long one.
 */
const leaking = 'steps@system:0.5,steps@;:0.025,direct@;:0.475';
const notLeaking = 'steps@system:0.5,direct@;:0.5';

const arm = (name: string, label: string, procedureChanges: Arm['procedureChanges']): Arm => ({
  name,
  label,
  procedureChanges: { ...procedureChanges },
});

/** SFT on long answers alone, stopped when two of five are right. */
const halfLearned = { solutions: 'steps', stopAt: 0.4, schedule: 'constant', system: null };

const higher = (key: string, label: string): Metric => ({ key, label, better: 'higher' });

export const grpo: Study = {
  name: 'grpo',
  title: 'Reinforcement learning from a rule',
  question:
    'Does a model that is rewarded for right answers alone begin to write out its steps, and does it get surer of what it half knows?',
  source: 'arXiv:2412.19437 sections 5.1 and 5.2; GRPO: arXiv:2402.03300',
  equal: 'Equal model and task; the arms differ in what they were taught before, and in what they are taught then.',
  preset: 'tiny',
  base: {
    modelChanges: { ...miniatureModel, vocabSize },
    trainChanges: { steps: 250, learningRate: 5e-3, checkpointEvery: 0, sampleTokens: 0, evalEvery: 0 },
    procedureChanges: {
      solutions: leaking,
      stopAt: null,
      schedule: 'cosine',
      system: ';',
      rlSteps: 40,
      beta: 0.04,
      moreSft: 0,
    },
  },
  quick: { trainChanges: { steps: 20 }, procedureChanges: { rlSteps: 3, stopAt: null } },
  arms: [
    arm('leak', 'long answers leak', {}),
    arm('no-leak', 'no long answer leaks', { solutions: notLeaking }),
    arm('sharpen', 'half learned, then RL', { ...halfLearned, rlSteps: 80, beta: 0.02 }),
    arm('more-sft', 'half learned, then more SFT', { ...halfLearned, rlSteps: 0, moreSft: 160 }),
  ],
  metrics: [
    higher('passAt1', 'pass@1'),
    higher('before', 'pass@1 before'),
    higher('gain', 'gain of pass@1'),
    higher('passAt8', 'pass@8'),
    higher('gainAt8', 'gain of pass@8'),
    { key: 'length', label: 'tokens of an answer' },
    { key: 'lengthBefore', label: 'tokens before' },
    { key: 'secondsOfSecondStage', label: 'second stage', unit: 'seconds', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'Where one long answer in twenty has leaked, rewards for right answers make them appear.',
      metric: 'passAt1',
      arm: 'leak',
      expect: { above: 0.85 },
      paper: 'R1-style data raise accuracy and length (table 9); DeepSeek-R1: from 15.6 to 71.0 % on AIME by RL alone',
    },
    { claim: 'Answers grow from three to more than nine tokens.', metric: 'length', arm: 'leak', expect: { above: 9 } },
    { claim: 'Where none has leaked, nothing happens.', metric: 'passAt1', arm: 'no-leak', expect: { below: 0.2 } },
    {
      claim: 'RL sharpens what is half learned: pass@1 goes up by more than 0.35.',
      metric: 'gain',
      arm: 'sharpen',
      expect: { above: 0.35 },
      paper: 'RL raises the share of right answers among samples (DeepSeekMath, figure 7)',
    },
    {
      claim: 'Pass@8 does not fall.',
      metric: 'gainAt8',
      arm: 'sharpen',
      expect: { above: 0 },
      paper: 'pass@K stays as it is (DeepSeekMath, figure 7)',
    },
    {
      claim: 'As long as there are solutions to imitate, SFT in its place is no worse, within 0.05.',
      metric: 'passAt1',
      arm: 'more-sft',
      against: 'sharpen',
      expect: { above: -0.05 },
    },
  ],
  paper: ['No figure at this size: the report shows no curves of its reinforcement learning.'],
  curves: [
    {
      title: 'Reward by step of RL',
      advice: 'Where long answers have leaked it takes off within ten steps.',
      xLabel: 'step',
      yLabel: 'reward',
      curve: 'reward',
    },
    {
      title: 'Tokens of an answer by step of RL',
      advice: 'Nothing rewards length; long answers are right more often.',
      xLabel: 'step',
      yLabel: 'tokens',
      curve: 'length',
    },
  ],
  procedure: async (work) => (await import('../procedures/grpo.ts')).teachAndReward(work),
};
