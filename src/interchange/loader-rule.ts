// What a rule about another program is.

import type { ModelConfig } from '../config/model-config.ts';
import type { ExportFormat } from './export-format.ts';

/** Something a program does with a model that its owner should know. */
export interface Finding {
  /** `refused`: it fails. `different`: it computes something else. `note`: it works, or works with what `fix` says. */
  readonly level: 'refused' | 'different' | 'note';
  readonly what: string;
  /** What to change, in settings of a run here or in the other program; empty if there is nothing to do. */
  readonly fix: string;
}

/** A complaint about a model, its weights stored in a format, or nothing. */
export type LoaderRule = (config: ModelConfig, format: ExportFormat) => Finding | undefined;
