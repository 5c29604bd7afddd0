// What a study is: plain data, written before anything is run. Arms are changes of settings; hypotheses carry the rule
// by which they are decided.
//
// A study that needs more than settings names a variant (`variants/index.ts`); one that needs more than the loss has an
// `evaluate` hook; one whose arms are more than a training run has a procedure (`procedure.ts`). A study in a YAML file
// cannot have the last two.

import type { ModelConfig } from '../config/model-config.ts';
import type { PresetName } from '../config/presets.ts';
import type { TrainConfig } from '../config/train-config.ts';
import type { ConductOptions } from '../train/conduct.ts';
import type { Procedure, ProcedureSettings } from './procedure.ts';

/** Changes of settings on top of others. */
export interface Changes {
  readonly modelChanges?: Partial<ModelConfig>;
  readonly trainChanges?: Partial<TrainConfig>;
  /** Settings of the study's procedure; without a procedure there are none. */
  readonly procedureChanges?: ProcedureSettings;
}

/** One way to train, to be compared with the others. */
export interface Arm extends Changes {
  /** Short, without spaces: names folders and columns, e.g. `bias-1e-3`. */
  readonly name: string;
  /** A few words for tables and legends; absent: the name. */
  readonly label?: string;
  /** Steps as a multiple of the study's, for arms of equal FLOPs or time; absent: 1. */
  readonly stepsFactor?: number;
  /** Name of a registered variant, for a change that no setting can make. */
  readonly variant?: string;
}

/** A number that every run has: `measure-run.ts` reads it from the run folder, or a hook of the study returns it. */
export interface Metric {
  readonly key: string;
  readonly label: string;
  /** E.g. `nats per token`; absent: a plain number. */
  readonly unit?: string;
  readonly better?: 'lower' | 'higher';
  /**
   * The smallest and the largest possible value, where intervals are cut. Absent: those that `bounds.ts` knows of the
   * key; a metric that it does not know has no bounds.
   */
  readonly bounds?: { readonly min?: number; readonly max?: number };
}

/**
 * The range in which a claim says the mean lies: below a number, above a number, or within a distance of zero. For a
 * ratio `within: x` means the range from 1 / (1 + x) to 1 + x.
 */
export type Expectation = { readonly below: number } | { readonly above: number } | { readonly within: number };

/**
 * A claim with the rule that decides it, written before the run.
 *
 * The 95 % interval of the mean over seeds decides. If all of it lies in the claimed range, the claim is `reproduced`;
 * if none of it does, `contradicted`; otherwise `not distinguishable`. A study smaller than the one that the rule was
 * written for decides nothing.
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

/** A chart of one metric against another, with one dot for each run. */
export interface Scatter {
  readonly title: string;
  /** What to look for: one sentence. */
  readonly advice: string;
  readonly x: string;
  readonly y: string;
}

/** A chart with one line for each arm, through several metrics: the loss with 0, 1, 2, 4 experts switched off, say. */
export interface Series {
  readonly title: string;
  readonly advice: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly points: readonly { readonly x: number; readonly metric: string }[];
}

/** A chart with one line for each arm, through the points of a curve that the procedure returned under this name. */
export interface CurveChart {
  readonly title: string;
  readonly advice: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly curve: string;
}

/** A map for each arm, one cell for each metric, such as the share of right answers by length and by depth. */
export interface StudyHeatMap {
  readonly title: string;
  readonly advice: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** The values that the darkest and the lightest cell stand for. */
  readonly range: readonly [least: number, most: number];
  readonly cells: readonly { readonly x: string; readonly y: string; readonly metric: string }[];
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

/** Numbers by metric key; a number that is not finite counts as missing. */
export type Measurements = Readonly<Record<string, number>>;

export interface Study {
  /** What the command line calls it. */
  readonly name: string;
  readonly title: string;
  /** What the study asks and why, in a sentence or two. */
  readonly question: string;
  /** Where the claim comes from. */
  readonly source: string;
  /** What the arms have in common: the number of tokens, FLOPs or parameters, or the wall-clock time. */
  readonly equal: string;
  readonly preset: PresetName;
  /** Changes of the preset for all arms. */
  readonly base: Changes;
  /** Changes on top of `base` with `--quick`: enough to see in a minute or two that everything works; never judged. */
  readonly quick: Changes;
  /** Seeds of a study of full size; claims are not judged by fewer. Absent: 3. */
  readonly seeds?: number;
  /** In the tables the other arms are compared with the first one. */
  readonly arms: readonly Arm[];
  /** In the order of the tables. */
  readonly metrics: readonly Metric[];
  readonly hypotheses: readonly Hypothesis[];
  /** Figures of the paper to be shown beside ours. */
  readonly paper: readonly string[];
  readonly scatters?: readonly Scatter[];
  readonly series?: readonly Series[];
  readonly curves?: readonly CurveChart[];
  readonly heatMaps?: readonly StudyHeatMap[];
  /**
   * What an arm does in the place of one training run. Model and training settings are then what the procedure makes of
   * them, and `--steps` has no meaning.
   */
  readonly procedure?: Procedure;
  /** What is done once for each seed before its arms: training the model that all of them start from, say. */
  readonly prepare?: Procedure;
  /**
   * Takes more measurements of a trained arm. It should import what it computes with inside, so that listing studies
   * stays cheap.
   */
  readonly evaluate?: (trained: TrainedArm) => Promise<Measurements>;
}

/** Options that both `train` and `resumeRun` take, so that a run with a variant can be resumed. */
export type VariantOptions = Pick<ConductOptions, 'parts'>;

/**
 * A change that no setting can make. It is called once in the process of an arm, before its run starts or goes on. It
 * returns options for `train` and `resumeRun`, or changes its own process and returns an empty object.
 */
export type Variant = () => Promise<VariantOptions>;
