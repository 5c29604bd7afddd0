// Bugs that cause no error in training, by the names of their variants. Numbers such as B5 are those of
// tests/train/known-bugs.test.ts.

import type { Variant } from '../study.ts';

/** How far the bias moves with each part of a batch in `bias-per-micro-batch`: the speed of preset `tiny`. */
const microBatchSpeed = 0.002;

/** Each is imported when it is asked for. */
export const knownBugs: Readonly<Record<string, Variant>> = {
  'zero-mask': async () => {
    const { routeWithZeroMask } = await import('./router-bugs.ts');
    return { parts: { model: { route: routeWithZeroMask } } };
  },
  'biased-gates': async () => {
    const { routeByBiasedGates } = await import('./router-bugs.ts');
    return { parts: { model: { route: routeByBiasedGates } } };
  },
  'bias-per-micro-batch': async () => {
    const { biasPerMicroBatch } = await import('./objective-bugs.ts');
    return { parts: { objective: biasPerMicroBatch(microBatchSpeed) } };
  },
  'summed-depths': async () => {
    const { summedDepths } = await import('./objective-bugs.ts');
    return { parts: { objective: summedDepths } };
  },
  'labels-across-documents': async () => {
    const { labelsAcrossDocuments } = await import('./objective-bugs.ts');
    return { parts: { objective: labelsAcrossDocuments } };
  },
  'decayed-bias': async () => {
    const { DecayedBiasAdamW } = await import('./optimizers.ts');
    return { parts: { optimizer: (model, train) => new DecayedBiasAdamW(model, train) } };
  },
};
