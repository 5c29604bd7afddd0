// What a policy learns from: a rule, a model that judges, or its own majority (section 5.2.1 of the report, in small),
// and what its rewards are compared with: the group, nothing, or a critic.
//
// All arms of a seed start from the same policy, which is right two times in five, on the task `chain`.

import { miniatureModel } from '../../post-training/miniature.ts';
import type { Arm, Metric, Study } from '../study.ts';

/** Characters of the task, with the special tokens. */
const vocabSize = 21;

const arm = (name: string, label: string, procedureChanges: Arm['procedureChanges']): Arm => ({
  name,
  label,
  procedureChanges: { ...procedureChanges },
});

const higher = (key: string, label: string): Metric => ({ key, label, better: 'higher' });
export const reward: Study = {
  name: 'reward',
  title: 'Rewards: a rule, a judge, the majority',
  question:
    'Does a policy get better at the task, or only at pleasing its judge; and what does a reward have to be compared with?',
  source: 'arXiv:2412.19437 sections 5.2.1 and 5.2.2; DeepSeekMath: arXiv:2402.03300; PPO: arXiv:1707.06347',
  equal: 'Equal policy at the start, problems, answers and steps; judges and critics cost extra.',
  preset: 'tiny',
  base: {
    modelChanges: { ...miniatureModel, vocabSize },
    trainChanges: { steps: 250, checkpointEvery: 0, sampleTokens: 0, evalEvery: 0 },
    procedureChanges: {
      stopAt: 0.4,
      learningRate: 5e-3,
      solverSteps: 150,
      problems: 2000,
      judgeEpochs: 12,
      judgeRate: 3e-3,
      verdictWeight: 8,
      rlSteps: 80,
      beta: 0.02,
      reward: 'correct',
      advantage: 'group',
    },
  },
  quick: {
    trainChanges: { steps: 40 },
    procedureChanges: { stopAt: null, solverSteps: 20, problems: 200, judgeEpochs: 1, rlSteps: 3 },
  },
  arms: [
    arm('rule', 'rule', {}),
    arm('judge-at-once', 'judge that answers at once', { reward: 'at-once' }),
    arm('judge-thinks', 'judge that thinks first', { reward: 'thinks' }),
    arm('votes', 'majority of the answers', { reward: 'vote' }),
    arm('mean', 'rule, less the mean (REINFORCE with a baseline)', { advantage: 'mean' }),
    arm('no-baseline', 'rule as it is (REINFORCE)', { advantage: 'reward' }),
    arm('critic', 'rule, less a critic (PPO)', { advantage: 'critic' }),
  ],
  metrics: [
    higher('gain', 'gain of pass@1'),
    higher('passAt1', 'pass@1 after'),
    higher('gainAt8', 'gain of pass@8'),
    { key: 'scoreGain', label: 'gain of the reward', better: 'higher' },
    higher('pairsRight', 'pairs that the judge gets right'),
    higher('agreement1', 'verdicts that are true, one vote'),
    higher('agreement3', 'three votes'),
    higher('agreement6', 'six votes'),
    higher('votesGain', 'six votes less one'),
  ],
  hypotheses: [
    {
      claim: 'Rewarded by the rule, the policy gets better: pass@1 goes up by more than 0.3.',
      metric: 'gain',
      arm: 'rule',
      expect: { above: 0.3 },
    },
    {
      claim: 'A judge that answers at once is pleased more and more.',
      metric: 'scoreGain',
      arm: 'judge-at-once',
      expect: { above: 0 },
      paper: 'chain-of-thought in the preference data mitigates the risk of reward hacking (section 5.2.1)',
    },
    {
      claim: 'And all the while the policy gets worse at the task.',
      metric: 'gain',
      arm: 'judge-at-once',
      expect: { below: 0 },
    },
    {
      claim: 'With a judge that thinks first pass@1 goes up by more than 0.3.',
      metric: 'gain',
      arm: 'judge-thinks',
      expect: { above: 0.3 },
    },
    {
      claim: 'The judge that thinks gets more than nine pairs in ten right.',
      metric: 'pairsRight',
      arm: 'judge-thinks',
      expect: { above: 0.9 },
    },
    {
      claim: 'Six votes of that judge agree with the truth more often than one.',
      metric: 'votesGain',
      arm: 'judge-thinks',
      expect: { above: 0 },
      paper: 'the judgement of DeepSeek-V3 can also be enhanced by voting (section 5.4.2)',
    },
    {
      claim: 'The majority makes the policy surer and poorer: pass@8 falls.',
      metric: 'gainAt8',
      arm: 'votes',
      expect: { below: 0 },
      paper: 'voting is used as feedback where no rule is to be had (section 5.4.2)',
    },
    {
      claim: 'Without dividing by the deviation of the group it is no worse, within 0.1.',
      metric: 'passAt1',
      arm: 'mean',
      against: 'rule',
      expect: { above: -0.1 },
    },
    {
      claim: 'Without any baseline less is learned.',
      metric: 'passAt1',
      arm: 'no-baseline',
      against: 'rule',
      expect: { below: 0 },
    },
    {
      claim: 'A critic as large as the policy gains no more than 0.05 over the mean of the group.',
      metric: 'passAt1',
      arm: 'critic',
      against: 'rule',
      expect: { below: 0.05 },
      paper: 'GRPO forgoes the critic, which is as large as the policy, and is no worse (section 5.2.2; DeepSeekMath)',
    },
  ],
  paper: ['No figure at this size: the report shows no curves of its rewards.'],
  curves: [
    {
      title: 'What the reward says, by step',
      advice: 'All of them are pleased in the end; compare with the truth below.',
      xLabel: 'step',
      yLabel: 'mean reward',
      curve: 'score',
    },
    {
      title: 'What is true, by step',
      advice: 'Right answers by the rule. A curve that falls while its reward rises is over-optimisation.',
      xLabel: 'step',
      yLabel: 'right answers',
      curve: 'truth',
    },
  ],
  prepare: async (work) => (await import('../procedures/reward.ts')).teachBoth(work),
  procedure: async (work) => (await import('../procedures/reward.ts')).learnFromReward(work),
};
