// 8-bit products of operands with a planted outlier (F 4.7): where fine tiles matter, at a size that shows it.

import type { ModelConfig } from '../../config/model-config.ts';
import type { Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

/** Inputs of 128 channels and more, eight tiles, in two layers. */
const wide: Partial<ModelConfig> = {
  ...smallMoe,
  hiddenSize: 128,
  numAttentionHeads: 4,
  numHiddenLayers: 2,
  initializerRange: 0.045, // 0.51 / sqrt(128), see the presets
};

export const outliers: Study = {
  name: 'outliers',
  title: '8-bit products with planted outliers',
  question:
    'One channel of all wide inputs is larger than the others by a large power of two, and its weights smaller: what do tiles save of the loss, and does it matter that inputs are kept in FP8 for the backward pass?',
  source: 'arXiv:2412.19437 sections 3.3.2 and 3.3.3',
  equal: 'Equal tokens, parameters and FLOPs, and the same initial weights, in all arms; in float32 nothing changes.',
  preset: 'tiny',
  base: { modelChanges: wide, trainChanges: { ...smallMoeTrain, steps: 400, evalEvery: 100 } },
  quick: smallMoeQuick,
  arms: [
    { name: 'float32', label: 'float32 with outliers', variant: 'outliers-float32' },
    { name: 'fp8', label: 'FP8 in tiles, with outliers', variant: 'outliers-fp8' },
    { name: 'per-tensor', label: 'one scale a tensor, with outliers', variant: 'outliers-per-tensor' },
    { name: 'e5m2-gradients', label: 'gradients in E5M2, with outliers', variant: 'outliers-e5m2-gradients' },
    { name: 'exact-cache', label: 'inputs kept in float32, with outliers', variant: 'outliers-exact-cache' },
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'trainLoss', label: 'training loss, last tenth', unit: 'nats per token', better: 'lower' },
    { key: 'plantedError', label: 'relative error of numbers beside the outlier', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'Beside an outlier, one scale a tensor is more than twice as far off as tiles.',
      metric: 'plantedError',
      arm: 'per-tensor',
      against: 'fp8',
      as: 'ratio',
      expect: { above: 2 },
      paper: 'tiles adapt to outliers (section 3.3.2); no figure given',
    },
    {
      claim: 'With outliers, one scale a tensor costs more than 0.02 nats against tiles.',
      metric: 'loss',
      arm: 'per-tensor',
      against: 'fp8',
      expect: { above: 0.02 },
      paper: 'outliers degrade the accuracy of one scale a tensor (section 3.3.2); no figure given',
    },
    {
      claim: 'With outliers, tiles are within 1 % of the loss in float32.',
      metric: 'loss',
      arm: 'fp8',
      against: 'float32',
      as: 'ratio',
      expect: { within: 0.01 },
    },
    {
      claim: 'Gradients in E5M2 change the loss by less than 1 % against E4M3 everywhere.',
      metric: 'loss',
      arm: 'e5m2-gradients',
      against: 'fp8',
      as: 'ratio',
      expect: { within: 0.01 },
      paper: 'E4M3 everywhere, where earlier work had E5M2 for gradients; no figure given',
    },
    {
      claim: 'That inputs are kept in FP8 for the backward pass changes the loss by less than 1 %.',
      metric: 'loss',
      arm: 'fp8',
      against: 'exact-cache',
      as: 'ratio',
      expect: { within: 0.01 },
      paper: 'inputs of linear layers are cached in FP8 (section 3.3.3); no figure given',
    },
  ],
  paper: ['Tiles and blocks keep outliers from spoiling what lies far from them.'],
  evaluate: async (trained) => (await import('../probes/planted-error.ts')).probePlantedError(trained),
};
