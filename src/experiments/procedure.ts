// What an arm can be in the place of one training run: a function that does several things in turn, such as training,
// extending and asking, and returns numbers.

import type { ModelConfig } from '../config/model-config.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { Arm, Measurements } from './study.ts';

/** Settings of a study's procedure, by names of its own. */
export type ProcedureSettings = Readonly<Record<string, number | string | boolean | null>>;

/** What a procedure is told. It runs in a process of its own, with one thread, and the backend is active. */
export interface ArmWork {
  readonly arm: Arm;
  readonly seed: number;
  /** `base`, the quick size if it is asked for, and the arm, one over the other; `train.seed` is `seed`. */
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  readonly settings: ProcedureSettings;
  /**
   * A folder of this arm and seed. What a procedure leaves in it is there again when a study goes on that was stopped,
   * so whole stages need not be done twice.
   */
  readonly dir: string;
  /** The folder in which `Study.prepare` worked, of the same seed; the same as `dir` in `prepare` itself. */
  readonly sharedDir: string;
  /** Aborted when the study is to stop. Whatever is thrown after that counts as the stop. */
  readonly signal: AbortSignal;
  /** How much is done, 0 to 1, and what goes on, in a few words: `progress(0.4, 'SFT, loss 0.31')`. */
  progress(share: number, doing: string): void;
  /** Tells the user, once for all runs that say the same. */
  warn(message: string): void;
}

/** A curve: points in the order of x. */
export type StudyCurve = readonly (readonly [x: number, y: number])[];

/** What a procedure found. */
export interface ProcedureResult {
  readonly measured: Measurements;
  /** By the names that `Study.curves` has. */
  readonly curves?: Readonly<Record<string, StudyCurve>>;
}

/**
 * What each arm of a study does with each seed. It should import what it computes with inside, so that listing studies
 * stays cheap.
 */
export type Procedure = (work: ArmWork) => Promise<ProcedureResult>;
