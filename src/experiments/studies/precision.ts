// Training with 8-bit products, emulated (F 4): what the report's tiles cost in loss, and what other recipes would.
//
// Tiles have 16 channels where the report has 128; see `precision/recipe.ts`.

import type { Study } from '../study.ts';
import { smallMoe, smallMoeQuick, smallMoeTrain } from './sizes.ts';

/** Lengths of the sums whose error is measured. */
const gemmDepths = [128, 256, 512, 1024, 2048, 4096];

const fp8 = { precision: 'fp8' } as const;
/** What the backward pass reads is as exact as what was multiplied. */
const float32Cache = { ...fp8, cachedActivations: 'float32' } as const;

export const precision: Study = {
  name: 'precision',
  title: 'Training with 8-bit products',
  question:
    'What do 8-bit operands cost in loss, in the tiles of the report and in coarser ones, and what do they save?',
  source: 'arXiv:2412.19437 section 3.3 and appendix B',
  equal: 'Equal tokens, parameters and FLOPs, and the same initial weights, in all arms.',
  preset: 'tiny',
  base: { modelChanges: smallMoe, trainChanges: smallMoeTrain },
  quick: smallMoeQuick,
  arms: [
    { name: 'float32' },
    { name: 'fp8', label: 'FP8: E4M3 in 1 x 16 tiles, 16 x 16 blocks of weights', trainChanges: fp8 },
    { name: 'fp8-float32-cache', label: 'activations kept in float32', trainChanges: float32Cache },
    { name: 'fp8-per-tensor', label: 'one scale a tensor', trainChanges: float32Cache, variant: 'fp8-per-tensor' },
    {
      name: 'fp8-block-gradients',
      label: 'gradients in blocks',
      trainChanges: float32Cache,
      variant: 'fp8-block-gradients',
    },
    {
      name: 'fp8-e5m2-gradients',
      label: 'gradients in E5M2',
      trainChanges: float32Cache,
      variant: 'fp8-e5m2-gradients',
    },
    { name: 'bfloat16-moments', label: 'float32 with moments in BF16', variant: 'bfloat16-moments' },
  ],
  metrics: [
    { key: 'loss', label: 'held-out loss', unit: 'nats per token', better: 'lower' },
    { key: 'trainLoss', label: 'training loss, last tenth', unit: 'nats per token', better: 'lower' },
    { key: 'gradientError', label: 'relative error of rounded gradients', better: 'lower' },
    { key: 'modelGradientError', label: "relative error of the model's gradient", better: 'lower' },
    { key: 'gemmError/4096', label: 'relative error of sums of 4096 products', better: 'lower' },
    { key: 'mebibytes', label: 'memory of a step, in these formats', unit: 'MiB', better: 'lower' },
    { key: 'cacheMebibytes', label: 'of it kept for the backward pass', unit: 'MiB', better: 'lower' },
  ],
  hypotheses: [
    {
      claim: 'The loss in 8 bits is within 0.25 % of that in float32.',
      metric: 'loss',
      arm: 'fp8',
      against: 'float32',
      as: 'ratio',
      expect: { within: 0.0025 },
      paper: 'relative error below 0.25 % at 16B and 230B, against BF16 (appendix B.1)',
    },
    {
      claim: 'Moments in BF16 change the loss by less than 0.25 %.',
      metric: 'loss',
      arm: 'bfloat16-moments',
      against: 'float32',
      as: 'ratio',
      expect: { within: 0.0025 },
      paper: 'no observable degradation (section 3.3.3)',
    },
    {
      claim: 'That activations are kept in FP8 changes the loss by less than 0.25 %.',
      metric: 'loss',
      arm: 'fp8',
      against: 'fp8-float32-cache',
      as: 'ratio',
      expect: { within: 0.0025 },
      paper: 'activations are cached in FP8, after attention in E5M6 (section 3.3.3); no figure given',
    },
    {
      claim: 'With activations kept in FP8 the gradient of the model is less than 1.2 times as far off.',
      metric: 'modelGradientError',
      arm: 'fp8',
      against: 'fp8-float32-cache',
      as: 'ratio',
      expect: { below: 1.2 },
      paper: 'sensitive activations get other formats (section 3.3.3); no figure given',
    },
    {
      claim: 'Gradients rounded in blocks are further off than in tiles.',
      metric: 'gradientError',
      arm: 'fp8-block-gradients',
      against: 'fp8',
      as: 'ratio',
      expect: { above: 1 },
      paper: 'a 16B model whose gradients were rounded in blocks diverged after 300B tokens (appendix B.2)',
    },
    {
      claim: 'Gradients in E5M2 are about twice as far off as in E4M3.',
      metric: 'gradientError',
      arm: 'fp8-e5m2-gradients',
      against: 'fp8',
      as: 'ratio',
      expect: { above: 1.5 },
      paper: 'tiles make E4M3 possible everywhere, "mantissa over exponents"; no figure given',
    },
    {
      claim: 'Summing 4096 products in 14 bits is ten times further off without promotion than with it.',
      metric: 'gemmError/4096',
      arm: 'fp8-per-tensor',
      against: 'fp8',
      as: 'ratio',
      expect: { above: 10 },
      paper: 'near 2 % at K = 4096 without promotion (section 3.3.2)',
    },
  ],
  paper: [
    'Relative loss error of FP8 against BF16: below 0.25 %, within the randomness of training.',
    'Maximum relative error of a product with K = 4096 summed in 14 bits: near 2 %.',
    'FP8 halves the memory of cached activations; BF16 halves that of the moments.',
  ],
  series: [
    {
      title: 'Error of a sum against its length',
      advice:
        'Without promotion (one scale a tensor: 14 bits to the end) the error grows with K; promoted every 128 products it stays where it was at 128.',
      xLabel: 'products in a sum, K',
      yLabel: 'relative error',
      points: gemmDepths.map((K) => ({ x: K, metric: `gemmError/${K}` })),
    },
  ],
  evaluate: async (trained) => (await import('../probes/rounding.ts')).probeRounding(trained, gemmDepths),
};
