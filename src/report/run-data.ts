// What the report knows of a training run: the content of a run folder, as plain data.

import type { MetricsLine } from '../train/events.ts';
import type { RunSettings } from '../train/run-settings.ts';
import type { Evaluation } from './evaluations.ts';

/** Text the model wrote at some step. */
export interface Sample {
  readonly step: number;
  readonly prompt: string;
  /** The continuation, without the prompt. */
  readonly text: string;
}

/** One training run. */
export interface RunData {
  /** What the report calls the run: its name, or a caller's own label. */
  readonly name: string;
  readonly settings: RunSettings;
  /** In the order written: steps never decrease. Of a long run, some steps only have the lists of `load/`. */
  readonly metrics: readonly MetricsLine[];
  readonly samples: readonly Sample[];
  /** How the model did on tasks, by step; absent: nothing is known of that. */
  readonly evaluations?: readonly Evaluation[];
}
