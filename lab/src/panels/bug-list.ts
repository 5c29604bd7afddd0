// The known bugs that can be built into a run: what each is, what a chart shows of it, and the settings that it needs
// to act at all. Their numbers are those of docs/known-bugs.md.

import type { ModelConfig, TrainConfig } from 'tinyseek/core';

export interface Bug {
  /** The name by which a run is given it. */
  readonly name: string;
  readonly title: string;
  readonly watch: string;
  /** Settings without which the bug has no effect, or would act twice. */
  readonly needs: (model: ModelConfig, train: TrainConfig) => BugNeeds;
}

export interface BugNeeds {
  /** Of the run that is right as well, so that both are the same but for the bug. */
  readonly model?: Partial<ModelConfig>;
  readonly train?: Partial<TrainConfig>;
  /** Of the run with the bug alone. */
  readonly only?: Partial<TrainConfig>;
}

const inGroups = ({ nRoutedExperts, nGroup, topkGroup }: ModelConfig): Partial<ModelConfig> =>
  nGroup > topkGroup || nRoutedExperts % 4 !== 0 ? {} : { nGroup: 4, topkGroup: 2 };

export const bugs: readonly Bug[] = [
  {
    name: 'biased-gates',
    title: 'B2: gates come from biased scores',
    watch: 'The loss hardly moves. The gates of the token inspector no longer follow the affinities.',
    needs: () => ({}),
  },
  {
    name: 'bias-per-micro-batch',
    title: 'B5: the bias moves with every part of a batch',
    watch: 'The bias trajectories climb four times as fast and jitter, and MaxVio of a batch stays higher.',
    needs: (_, { batchSize }) => ({
      train: { gradAccumSteps: 4, batchSize: Math.max(4, batchSize - (batchSize % 4)) },
      only: { expertBiasUpdateSpeed: 0 },
    }),
  },
  {
    name: 'zero-mask',
    title: 'B1: experts of excluded groups score 0',
    watch: 'Nothing, until a bias has grown larger than an affinity: then tokens leave their groups.',
    needs: (model) => ({ model: inGroups(model) }),
  },
  {
    name: 'decayed-bias',
    title: 'B17: the optimizer moves the bias',
    watch: 'The bias trajectories are pulled towards 0 all the time.',
    needs: () => ({}),
  },
  {
    name: 'summed-depths',
    title: 'B11: MTP losses are added up',
    watch: 'Lambda is twice what it says, and no chart tells.',
    needs: () => ({ model: { numNextnPredictLayers: 2 } }),
  },
  {
    name: 'labels-across-documents',
    title: 'B13: MTP labels cross into the next document',
    watch: 'Drafts get slightly worse near the end of documents.',
    needs: ({ numNextnPredictLayers }) => ({
      model: { numNextnPredictLayers: Math.max(1, numNextnPredictLayers) },
      train: { documentMask: true },
    }),
  },
];
