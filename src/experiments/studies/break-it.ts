// Bugs that shipped in implementations of this architecture, switched on one at a time. All of them train.
//
// The model and the data have everything that a bug needs to show an effect: groups, two MTP depths, batches in four
// parts, several documents in a row.

import type { Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

export const breakIt: Study = {
  name: 'break-it',
  title: 'Known bugs, switched on',
  question: 'What does each bug do to loss, balance and drafting, that is: would anybody have noticed?',
  source:
    'issues of DeepSeek-V3, transformers, vLLM, Megatron-LM and torchtitan; what is right: arXiv:2412.19437 sections 2.1.2 and 2.2',
  equal: 'Equal tokens, parameters and FLOPs, and the same initial weights, in all arms.',
  preset: 'tiny',
  base: {
    modelChanges: { ...smallMoe, nGroup: 4, topkGroup: 2, numNextnPredictLayers: 2 },
    trainChanges: {
      ...smallMoeTrain,
      data: 'moby-dick:1,math:1',
      steps: 800,
      gradAccumSteps: 4,
      documentMask: true,
      expertBiasUpdateSpeed: 0.002,
    },
  },
  // All of the held-out text is read at the end: here a tenth of what the full size holds out.
  quick: { trainChanges: { ...smallMoeQuick.trainChanges, steps: 20, evalEvery: 10, heldOutFraction: 0.005 } },
  arms: [
    { name: 'right' },
    { name: 'zero-mask', label: 'B1: excluded groups score 0', variant: 'zero-mask' },
    { name: 'biased-gates', label: 'B2: gates from biased scores', variant: 'biased-gates' },
    {
      name: 'bias-per-part',
      label: 'B5: bias moved with every part of a batch',
      trainChanges: { expertBiasUpdateSpeed: 0 }, // the variant moves it
      variant: 'bias-per-micro-batch',
    },
    { name: 'summed-depths', label: 'B11: MTP losses added up', variant: 'summed-depths' },
    { name: 'labels-across', label: 'B13: MTP labels of the next document', variant: 'labels-across-documents' },
    { name: 'decayed-bias', label: 'B17: weight decay on the bias', variant: 'decayed-bias' },
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss, with the bug', unit: 'nats per token', better: 'lower' },
    { key: 'loadedLoss', label: 'held-out loss, loaded without it', unit: 'nats per token', better: 'lower' },
    { key: 'mtpLoss1', label: 'MTP loss, depth 1', unit: 'nats per token', better: 'lower' },
    { key: 'acceptance', label: 'drafts accepted', better: 'higher' },
    { key: 'maxVioGlobal', label: 'MaxVio, all held-out text', better: 'lower' },
    { key: 'maxVioBatch', label: 'MaxVio per batch, last tenth', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'Gates from biased scores leave a checkpoint that is worse wherever it is loaded, by more than 0.02 nats.',
      metric: 'loadedLoss',
      arm: 'biased-gates',
      against: 'right',
      expect: { above: 0.02 },
    },
    {
      claim: 'A bias moved four times a step leaves more imbalance per batch.',
      metric: 'maxVioBatch',
      arm: 'bias-per-part',
      against: 'right',
      as: 'ratio',
      expect: { above: 1 },
    },
    {
      claim: 'MTP labels of the next document cost drafts.',
      metric: 'acceptance',
      arm: 'labels-across',
      against: 'right',
      expect: { below: 0 },
    },
    ...['zero-mask', 'summed-depths', 'decayed-bias'].map((arm) => ({
      claim: `Nobody would see ${arm} in the loss: it changes by less than 0.02 nats.`,
      metric: 'loss',
      arm,
      against: 'right',
      expect: { within: 0.02 },
    })),
  ],
  paper: [],
  evaluate: async (trained) => (await import('../probes/loaded.ts')).probeLoaded(trained),
};
