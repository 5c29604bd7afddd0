// What the report knows of a training run: the content of a run folder, as plain data.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { MetricsLine } from '../train/events.ts';

/** What `run.json` holds: everything about the run that was known when it started. */
export interface RunSettings {
  readonly format: 1;
  readonly name: string;
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly backend: string;
  /** ISO 8601. */
  readonly createdAt: string;
  /** The version of this package that wrote the run. */
  readonly version: string;
  readonly parameters: number;
  /** Parameters that one token passes through. */
  readonly activeParameters: number;
  /** Bits per byte that Brotli (quality 11) needs for the held-out text; null when it was not measured. */
  readonly brotliBitsPerByte: number | null;
}

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
  /** In the order written: steps never decrease. */
  readonly metrics: readonly MetricsLine[];
  readonly samples: readonly Sample[];
}
