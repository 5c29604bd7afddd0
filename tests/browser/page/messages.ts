// What page, worker and test tell each other.

import { type BackendOptions, type MetricsLine, modelPreset, trainPreset } from 'tinyseek/core';

/** The run of the page, in steps. */
export const run = { steps: 6, checkpointEvery: 3, leaveAfter: 4 };

/** What computes; of the engine the binary that has one result on every machine, so that the test can compare. */
export const backends = {
  engine: { backend: 'engine', backendOptions: { engineVariant: 'simd-6x8' } },
  webgpu: { backend: 'webgpu', backendOptions: {} },
} as const satisfies Record<string, { readonly backend: string; readonly backendOptions: BackendOptions }>;

/** What is trained there: `tiny`, and two of its layers where a program plays the GPU. */
export function settingsFor(backend: keyof typeof backends) {
  const { steps, checkpointEvery } = run;
  const isFast = backend === 'engine';
  const model = isFast ? modelPreset('tiny') : { ...modelPreset('tiny'), numHiddenLayers: 2 };
  const sizes = isFast ? { batchSize: 2, seqLen: 64 } : { batchSize: 1, seqLen: 32 };
  return { model, train: { ...trainPreset('tiny'), steps, checkpointEvery, ...sizes, sampleTokens: 0 } };
}

/** What the page wants of the worker. */
export interface Job {
  readonly backend: keyof typeof backends;
  /** Whether the run was begun before the page was loaded again. */
  readonly goesOn: boolean;
}

/** What the worker tells the page. */
export type FromWorker = { readonly type: 'leave' } | { readonly type: 'report'; readonly report: PageReport };

/** What the page found out, for the test. */
export interface PageReport {
  readonly isolated: boolean;
  readonly threads: number | null;
  readonly engineVariant: string | null;
  readonly device: string | null;
  /** Steps that were done when the run went on in a fresh page. */
  readonly resumedAt: number;
  /** The training lines of the run that was left and went on. */
  readonly lines: readonly MetricsLine[];
  /** Those of the same run in memory, which nothing interrupted. */
  readonly wholeLines: readonly MetricsLine[];
  /** Whether both runs have the same weights in the end, bit for bit. */
  readonly sameWeights: boolean;
  /** A greedy continuation by the trained model. */
  readonly text: string;
}
