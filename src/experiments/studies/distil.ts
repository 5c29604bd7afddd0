// From expert to student, sections 5.1 and 5.4.1 of the report in small: what a student learns from decides how often
// it is right and how long its answers are.
//
// The task is `chain` with few `*`, so that answers at once are right some of the time. A student learns from them,
// from solutions with more and more of the steps, from a teacher that does everything twice, from mixtures, and from
// the answers of an expert that was rewarded for being right and short.

import { miniatureModel } from '../../post-training/miniature.ts';
import type { Arm, Study } from '../study.ts';

export const taskOfStudy = 'chain:starShare=0.12';

/** Characters of the task, with the special tokens. */
const vocabSize = 21;

const arm = (name: string, label: string, solutions: string): Arm => ({
  name,
  label,
  procedureChanges: { solutions },
});

/** Long answers of the teacher that does everything twice, among answers at once. */
const mixed = (percent: number): Arm =>
  arm(`long-${percent}`, `${percent} % long`, `twice:${percent},direct:${100 - percent}`);

export const distil: Study = {
  name: 'distil',
  title: 'From expert to student',
  question:
    'What does a student gain from answers with more of the steps, what do they cost in length, and does an expert that is rewarded for being right and short give it both?',
  source: 'arXiv:2412.19437 sections 5.1 and 5.4.1, table 9',
  equal:
    'Equal model, task, steps and tokens of a student; the arms differ in the answers that it learns from. The expert costs as much again before it has a student.',
  preset: 'tiny',
  base: {
    modelChanges: { ...miniatureModel, vocabSize },
    trainChanges: { steps: 400, learningRate: 5e-3, checkpointEvery: 0, sampleTokens: 0, evalEvery: 0 },
    procedureChanges: { expert: false, solutions: 'direct', samples: 26_000, rlSteps: 40, problems: 4000 },
  },
  quick: { trainChanges: { steps: 20 }, procedureChanges: { rlSteps: 3, problems: 128, samples: 1600 } },
  seeds: 5,
  arms: [
    arm('direct', 'answers at once', 'direct'),
    arm('every-4th', 'every 4th value', 'every4'),
    arm('every-2nd', 'every 2nd value', 'every2'),
    arm('all', 'all values', 'steps'),
    arm('twice', 'all values, twice', 'twice'),
    { name: 'expert', label: "the expert's answers", procedureChanges: { expert: true } },
    ...[25, 50, 75].map(mixed),
  ],
  metrics: [
    { key: 'passAt1', label: 'pass@1', better: 'higher' },
    { key: 'length', label: 'tokens of an answer', better: 'lower' },
    { key: 'reflects', label: 'answers that check themselves' },
    { key: 'taughtPassAt1', label: 'expert before RL, pass@1' },
    { key: 'taughtReflects', label: 'expert before RL, checks itself' },
    { key: 'expertPassAt1', label: 'expert, pass@1' },
    { key: 'expertLength', label: 'expert, tokens of an answer' },
    { key: 'expertReflects', label: 'expert, checks itself' },
    { key: 'keptLength', label: 'kept answers, tokens' },
    { key: 'solved', label: 'problems with a kept answer' },
  ],
  hypotheses: [
    {
      claim: 'Every fourth value written makes more answers right than none.',
      metric: 'passAt1',
      arm: 'every-4th',
      against: 'direct',
      expect: { above: 0 },
    },
    {
      claim: 'Every second value makes more right than every fourth.',
      metric: 'passAt1',
      arm: 'every-2nd',
      against: 'every-4th',
      expect: { above: 0 },
    },
    { claim: 'With all values, more than 90 % are right.', metric: 'passAt1', arm: 'all', expect: { above: 0.9 } },
    {
      claim: 'A student of the expert is right more than 90 % of the time.',
      metric: 'passAt1',
      arm: 'expert',
      expect: { above: 0.9 },
      paper: 'R1 distillation: LiveCodeBench 31.1 to 37.4, MATH-500 74.6 to 83.2 (table 9)',
    },
    {
      claim: 'Its answers are shorter than 0.6 of those of the teacher that does everything twice.',
      metric: 'length',
      arm: 'expert',
      against: 'twice',
      as: 'ratio',
      expect: { below: 0.6 },
      paper: 'rejection sampling keeps what is concise; distillation made answers longer, 769 to 1510 tokens (table 9)',
    },
    {
      claim: 'Half of long answers among short ones raise accuracy, as table 9 has it.',
      metric: 'passAt1',
      arm: 'long-50',
      against: 'direct',
      expect: { above: 0 },
      paper: 'accuracy and length go up together (table 9)',
    },
    {
      claim: 'They raise the length as well, by more than a half.',
      metric: 'length',
      arm: 'long-50',
      against: 'direct',
      as: 'ratio',
      expect: { above: 1.5 },
      paper: 'MATH-500: 769 to 1510 tokens (table 9)',
    },
    {
      claim: 'A student of the expert does not check itself: what RL found superfluous is gone.',
      metric: 'reflects',
      arm: 'expert',
      expect: { below: 0.1 },
    },
  ],
  paper: ['Table 9, DeepSeek-V2.5 with R1 distillation: LiveCodeBench-CoT 31.1 to 37.4, MATH-500 74.6 to 83.2.'],
  scatters: [
    {
      title: 'Accuracy against length',
      advice: 'Up and to the left is better; mixtures of short and long answers lie on a line.',
      x: 'length',
      y: 'passAt1',
    },
  ],
  curves: [
    {
      title: "Tokens of the expert's answers by step of RL",
      advice: 'Long answers appear, and then become no longer than they need to be.',
      xLabel: 'step',
      yLabel: 'tokens',
      curve: 'length',
    },
  ],
  procedure: async (work) => (await import('../procedures/distil.ts')).teachStudent(work),
};
