// What page, worker and test tell each other.

import type { MetricsLine } from 'tinyseek/core';

/** The run of the page, in steps. */
export const run = { steps: 6, checkpointEvery: 3, leaveAfter: 4 };

/** What the page wants of the worker. */
export type Job = 'begin' | 'go-on';

/** What the worker tells the page. */
export type FromWorker = { readonly type: 'leave' } | { readonly type: 'report'; readonly report: PageReport };

/** What the page found out, for the test. */
export interface PageReport {
  readonly isolated: boolean;
  readonly threads: number | null;
  readonly engineVariant: string | null;
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
