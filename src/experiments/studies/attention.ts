// Latent attention against what it replaces, at equal weights (F 1, Mini; DeepSeek-V2's ablation).
//
// The width is 128, at which heads of 20 channels give every kind the same 51,200 weights in a layer: see
// `variants/attention.ts`.

import type { Study, TrainedArm } from '../study.ts';
import { groupedCacheElements, groupedShapes, type HeadShape } from '../variants/attention.ts';
import { smallMoeQuick, smallMoeTrain } from './sizes.ts';

/** Bytes that a cache in 16 bits keeps of one token, in all layers. */
export function cacheBytes({ arm, model }: Pick<TrainedArm, 'arm' | 'model'>): number {
  const grouped: Readonly<Record<string, HeadShape>> = groupedShapes;
  const shape = grouped[arm.variant ?? ''];
  const elements = shape === undefined ? model.kvLoraRank + model.qkRopeHeadDim : groupedCacheElements(shape);
  return 2 * elements * model.numHiddenLayers;
}

export const attention: Study = {
  name: 'attention',
  title: 'Latent attention and what it replaces',
  question: 'Does a cache of latents cost loss against keys and values of every head, and what are its parts good for?',
  source: 'arXiv:2405.04434 section 2.1 and appendix D; arXiv:2412.19437 section 2.1.1',
  equal:
    'Equal tokens and parameters (within 96 of 51,296 a layer); FLOPs differ by the width of the scores, below 5 %.',
  preset: 'tiny',
  seeds: 8, // three were not enough: see docs/results.md
  base: {
    modelChanges: { numHiddenLayers: 2, numNextnPredictLayers: 0, nGroup: 1, topkGroup: 1 },
    trainChanges: { ...smallMoeTrain, steps: 1500, seqLen: 128, batchSize: 4 },
  },
  quick: smallMoeQuick,
  arms: [
    { name: 'mla', label: 'MLA, 48 numbers a token and layer' },
    { name: 'mha', label: 'MHA, 5 heads of 20', variant: 'mha' },
    { name: 'gqa', label: 'GQA, 8 heads of 20 share 2', variant: 'gqa' },
    { name: 'mqa', label: 'MQA, 9 heads of 20 share 1', variant: 'mqa' },
    { name: 'no-norms', label: 'MLA without latent norms', variant: 'mla-without-norms' },
    { name: 'no-rope', label: 'MLA without rotary position', variant: 'mla-without-rope' },
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'cacheBytes', label: 'cache per token, 16 bits', unit: 'bytes', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'MLA loses no more than 0.02 nats against multi-head attention, with a quarter of its cache.',
      metric: 'loss',
      arm: 'mla',
      against: 'mha',
      expect: { below: 0.02 },
      paper: 'MLA is better than MHA with 4 to 14 % of its cache (V2, table 9, 16B and 250B)',
    },
    {
      claim: 'MLA reaches a lower loss than multi-query attention, whose cache is as small.',
      metric: 'loss',
      arm: 'mla',
      against: 'mqa',
      expect: { below: 0 },
      paper: 'MQA scores 7.3 points of MMLU below MHA, GQA 4.0 (V2, table 8, 7B)',
    },
    {
      claim: 'Without position the loss is higher by more than 0.05 nats.',
      metric: 'loss',
      arm: 'no-rope',
      against: 'mla',
      expect: { above: 0.05 },
    },
    {
      claim: 'Without the norms of the latents the loss is higher.',
      metric: 'loss',
      arm: 'no-norms',
      against: 'mla',
      expect: { above: 0 },
      paper: 'named as needed for stability at scale; no figure given (section 4.2)',
    },
  ],
  paper: [
    'Numbers in the cache per token: small MoE 110.6K (MHA) to 15.6K (MLA), large MoE 860.2K to 34.6K.',
    'MMLU at 7B, dense: MHA 45.2, GQA with 8 groups 41.2, MQA 37.9.',
  ],
  scatters: [
    {
      title: 'Loss against cache',
      advice: 'The lower left corner is good at both: MLA should lie as low as MHA and as far left as MQA.',
      x: 'cacheBytes',
      y: 'loss',
    },
  ],
  evaluate: async (trained) => ({ cacheBytes: cacheBytes(trained) }),
};
