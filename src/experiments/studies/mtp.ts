// Does predicting further than one token help, and how good are the drafts? Table 4 of the report in small (F 3.6).
//
// The report finds the language-modelling loss unmoved and gains in tasks; here two tasks that cannot be done without
// looking ahead stand next to prose and code. Tokens are bytes, so that every digit is a token of its own.

import type { Arm, Study } from '../study.ts';
import { threeDomains } from './sizes.ts';

const depth = (name: string, label: string, D: number, lambda?: number): Arm => ({
  name,
  label,
  modelChanges: { numNextnPredictLayers: D },
  ...(lambda === undefined ? {} : { trainChanges: { mtpLossWeight: lambda, mtpLossWeightFinal: lambda } }),
});

/** Bytes make a long held-out text of the same corpora, so less of it is kept. */
const data = { data: 'moby-dick:1,code:1,addition:2,path-star:2', tokenizer: 'bytes' };

export const mtp: Study = {
  name: 'mtp',
  title: 'Predicting more than the next token',
  question:
    'Does multi-token prediction leave the main loss as it is, help where one must look ahead, and give drafts the main model accepts?',
  source: 'arXiv:2412.19437 sections 2.2, 4.5.1 and 5.4.3; path-star graphs: arXiv:2403.06963',
  equal:
    'Equal tokens and equal FLOPs of the main model, which is all that is kept; the modules cost extra in training.',
  preset: 'tiny',
  seeds: 8, // three were not enough: see docs/results.md
  base: {
    ...threeDomains.base,
    trainChanges: { ...threeDomains.base.trainChanges, ...data, steps: 700, heldOutFraction: 0.01 },
  },
  quick: { ...threeDomains.quick, trainChanges: { ...threeDomains.quick.trainChanges, ...data } },
  arms: [
    depth('none', 'no MTP', 0),
    depth('depth-1', 'depth 1, lambda 0.3 then 0.1', 1),
    depth('depth-2', 'depth 2, lambda 0.3 then 0.1', 2),
    depth('depth-1-heavy', 'depth 1, lambda 1', 1, 1),
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss of the main model', unit: 'nats per byte', better: 'lower' },
    { key: 'answerTokens/addition', label: 'digits of sums right', better: 'higher' },
    { key: 'answers/addition', label: 'sums right', better: 'higher' },
    { key: 'answerTokens/path-star', label: 'steps of paths right', better: 'higher' },
    { key: 'acceptance/moby-dick', label: 'drafts accepted, prose', better: 'higher' },
    { key: 'acceptance/code', label: 'drafts accepted, code', better: 'higher' },
    { key: 'acceptance2/moby-dick', label: 'second drafts accepted, prose', better: 'higher' },
  ],
  hypotheses: [
    {
      claim: 'Depth 1 leaves the main loss as it is, within 0.02 nats.',
      metric: 'loss',
      arm: 'depth-1',
      against: 'none',
      expect: { within: 0.02 },
      paper: 'Pile bits per byte 0.729 and 0.729 (small), 0.658 and 0.657 (large), table 4',
    },
    {
      claim: 'Depth 1 gets more digits of sums right, the first of which depend on the last.',
      metric: 'answerTokens/addition',
      arm: 'depth-1',
      against: 'none',
      expect: { above: 0 },
      paper: 'GSM8K 25.4 to 31.4 (small), 72.3 to 74.0 (large), table 4',
    },
    {
      claim: 'Depth 1 gets more steps of paths right.',
      metric: 'answerTokens/path-star',
      arm: 'depth-1',
      against: 'none',
      expect: { above: 0 },
    },
    {
      claim: 'At least half of the drafts in prose are accepted.',
      metric: 'acceptance/moby-dick',
      arm: 'depth-1',
      expect: { above: 0.5 },
      paper: '85 to 90 % over topics (section 5.4.3), of tokens much longer than a byte',
    },
    {
      claim: 'A second depth costs the main loss no more than 0.02 nats.',
      metric: 'loss',
      arm: 'depth-2',
      against: 'none',
      expect: { below: 0.02 },
    },
  ],
  paper: ['Table 4, small: HumanEval 20.7 to 26.8, GSM8K 25.4 to 31.4, NaturalQuestions 22.7 to 22.3 (worse).'],
  evaluate: async (trained) => (await import('../probes/look-ahead.ts')).probeLookAhead(trained),
};
