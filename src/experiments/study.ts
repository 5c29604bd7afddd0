// What a study is: plain data, written before anything is run. Arms are changes of settings; hypotheses carry the rule
// by which they are decided.
//
// A study that needs more than settings names a variant (`variants/index.ts`); one that needs more than the loss has an
// `evaluate` hook, which a study in a YAML file cannot have.

import type { ModelConfig } from '../config/model-config.ts';
import type { PresetName } from '../config/presets.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { ConductOptions } from '../train/conduct.ts';

/** Changes of settings on top of others. */
export interface Changes {
  readonly modelChanges?: Partial<ModelConfig>;
  readonly trainChanges?: Partial<TrainConfig>;
}

/** One way to train, to be compared with the others. */
export interface Arm extends Changes {
  /** Short, without spaces: names folders and columns, e.g. `bias-1e-3`. */
  readonly name: string;
  /** A few words for tables and legends; absent: the name. */
  readonly label?: string;
  /** Steps as a multiple of the study's, for arms of equal FLOPs or time; absent: 1. */
  readonly stepsFactor?: number;
  /** Name of a registered variant: what no setting can switch. */
  readonly variant?: string;
}

/** A number that every run has: one of `measure-run.ts`, or one that `evaluate` returns. */
export interface Metric {
  readonly key: string;
  readonly label: string;
  /** E.g. `nats per token`; absent: a plain number. */
  readonly unit?: string;
  readonly better?: 'lower' | 'higher';
  /** The least and the most it can be, where intervals end; absent: those of `bounds.ts`, or none for a key of its own. */
  readonly bounds?: { readonly min?: number; readonly max?: number };
}

/**
 * What is said to be true of the mean: that it lies below or above a number, or no further than that from zero (from one
 * for a ratio).
 */
export type Expectation = { readonly below: number } | { readonly above: number } | { readonly within: number };

/**
 * A claim with the rule that decides it, written before the run.
 *
 * The 95 % interval of the mean over seeds decides: all of it where the claim says, `reproduced`; all of it elsewhere,
 * `contradicted`; else `not distinguishable`. A study smaller than the one the rule was written for decides nothing.
 */
export interface Hypothesis {
  /** A sentence. */
  readonly claim: string;
  readonly metric: string;
  readonly arm: string;
  /** The arm it is compared with, seed by seed; absent: the metric of `arm` itself is judged. */
  readonly against?: string;
  /** How the two are compared; absent: `difference`, arm minus against. A ratio is averaged as its logarithm. */
  readonly as?: 'difference' | 'ratio';
  readonly expect: Expectation;
  /** What the paper found, in a few words, with where it says so. */
  readonly paper?: string;
}

/** A picture of two metrics against each other, one dot a run. */
export interface Scatter {
  readonly title: string;
  /** What to look for: one sentence. */
  readonly advice: string;
  readonly x: string;
  readonly y: string;
}

/** A picture of several metrics of each arm in a row, e.g. the loss with 0, 1, 2, 4 experts switched off. */
export interface Series {
  readonly title: string;
  readonly advice: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly { readonly x: number; readonly metric: string }[];
}

/** An arm that has been trained, for `evaluate`; the backend it was trained on is active. */
export interface TrainedArm {
  readonly arm: Arm;
  /** The run folder. */
  readonly runDir: string;
  /** Hugging Face model folder of the last checkpoint. */
  readonly checkpoint: string;
  readonly model: ModelConfig;
  readonly train: TrainConfig;
  /** What the arm's variant adds; empty without one. */
  readonly variant: VariantOptions;
}

/** Numbers by metric key; one that is not finite counts as missing. */
export type Measurements = Readonly<Record<string, number>>;

export interface Study {
  /** What the command line calls it. */
  readonly name: string;
  readonly title: string;
  /** What is asked and why, in a sentence or two. */
  readonly question: string;
  /** Where the claim comes from. */
  readonly source: string;
  /** What is equal between the arms: tokens, FLOPs, parameters, wall clock. */
  readonly equal: string;
  readonly preset: PresetName;
  /** On top of the preset, for all arms. */
  readonly base: Changes;
  /** On top of `base` with `--quick`: enough to see that everything works, in a minute or two; never judged. */
  readonly quick: Changes;
  /** Seeds of the full size, and the fewest that claims are judged by; absent: 3. */
  readonly seeds?: number;
  /** The first one is what the others are compared with in the tables. */
  readonly arms: readonly Arm[];
  /** In the order of the tables. */
  readonly metrics: readonly Metric[];
  readonly hypotheses: readonly Hypothesis[];
  /** Figures of the paper to be shown beside ours. */
  readonly paper: readonly string[];
  readonly scatters?: readonly Scatter[];
  readonly series?: readonly Series[];
  /** Measures a trained arm further; import what computes inside the function, so that a list of studies stays cheap. */
  readonly evaluate?: (trained: TrainedArm) => Promise<Measurements>;
}

/** Options that both `train` and `resumeRun` take, so that a run with a variant can be resumed. */
export type VariantOptions = Pick<ConductOptions, 'parts'>;

/**
 * Something no setting switches, by name: called once in the process of an arm, before its run starts or goes on. It
 * returns options for `train` and `resumeRun`, or changes what it must in its own process and returns nothing.
 */
export type Variant = () => Promise<VariantOptions>;
