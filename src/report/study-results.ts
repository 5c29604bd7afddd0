// What came of a study: plain data. It is written as `results.json`, and the report of a study is drawn from it.

export type Verdict = 'reproduced' | 'not distinguishable' | 'contradicted';

/** A mean over seeds with its 95 % interval, which a single value does not have. */
export interface Interval {
  readonly mean: number;
  readonly low: number | null;
  readonly high: number | null;
  readonly n: number;
  /** An end lies where the quantity has its bound, nearer than Student's t would put it; absent: neither does. */
  readonly isCut?: boolean;
}

interface Decision {
  readonly verdict: Verdict;
  /** Two-sided; below 0.05 if the verdict is another than `not distinguishable`. */
  readonly pValue: number;
}

/** Why there is no verdict: one sentence. */
interface NoDecision {
  readonly verdict: null;
  readonly reason: string;
}

/** A verdict by its rule alone, or why there is none. */
export type Judgement = Decision | NoDecision;

interface Claim {
  readonly claim: string;
  /** The rule written before the run. */
  readonly rule: string;
  /** What the rule judges; null when no seed has it yet. */
  readonly found: Interval | null;
  /** What the paper found; null where it gives no figure. */
  readonly paper: string | null;
}

/** A claim judged as if it were the only one. */
export type JudgedClaim = Claim & Judgement;

/** A claim with its verdict, and with the verdict after Holm's correction for `StudyResults.correctedFor` claims. */
export type VerdictRow = Claim & ((Decision & { readonly holm: Decision }) | NoDecision);

export interface MetricColumn {
  readonly key: string;
  readonly label: string;
  readonly unit: string | null;
  readonly better: 'lower' | 'higher' | null;
}

/** A metric of an arm. */
export interface MetricCell {
  readonly value: Interval | null;
  /** Minus the first arm, paired by seed; null in the first arm. */
  readonly difference: Interval | null;
}

export interface ArmResults {
  readonly name: string;
  readonly label: string;
  /** What it changes, as `key=value`. */
  readonly changes: readonly string[];
  /** Optimizer steps; null where an arm is a procedure. */
  readonly steps: number | null;
  readonly parameters: number;
  readonly activeParameters: number;
  readonly flopsPerToken: number;
  readonly runs: readonly {
    readonly seed: number;
    readonly dir: string;
    readonly measured: Readonly<Record<string, number>>;
    /** By name; of arms that are procedures. */
    readonly curves?: Readonly<Record<string, readonly (readonly [x: number, y: number])[]>>;
  }[];
  /** In the order of `StudyResults.metrics`. */
  readonly cells: readonly MetricCell[];
}

export interface StudyResults {
  readonly format: 1;
  readonly name: string;
  readonly title: string;
  readonly question: string;
  readonly source: string;
  readonly equal: string;
  readonly paper: readonly string[];
  /** A size for trying things out, too small to judge by. */
  readonly quick: boolean;
  readonly seeds: number;
  /** How many runs there should be. */
  readonly plannedRuns: number;
  /** The command that repeats all of it. */
  readonly command: string;
  readonly environment: {
    readonly tinyseek: string;
    readonly node: string;
    readonly machine: string;
    readonly backend: string;
  };
  /** ISO 8601. */
  readonly createdAt: string;
  /** How intervals were computed. */
  readonly statistics: string;
  /** A row for each claim; only a study of at least the size that its rules were written for gives verdicts. */
  readonly verdicts: readonly VerdictRow[];
  /** How many claims Holm's correction counts: all of the study, judged or not. */
  readonly correctedFor: number;
  readonly metrics: readonly MetricColumn[];
  readonly arms: readonly ArmResults[];
  readonly scatters: readonly {
    readonly title: string;
    readonly advice: string;
    readonly x: string;
    readonly y: string;
  }[];
  readonly series: readonly {
    readonly title: string;
    readonly advice: string;
    readonly xLabel: string;
    readonly yLabel: string;
    readonly points: readonly { readonly x: number; readonly metric: string }[];
  }[];
  /** Charts of the curves of that name; absent: none. */
  readonly curves?: readonly {
    readonly title: string;
    readonly advice: string;
    readonly xLabel: string;
    readonly yLabel: string;
    readonly curve: string;
  }[];
  /** Maps of metrics, one for each arm; absent: none. */
  readonly heatMaps?: readonly {
    readonly title: string;
    readonly advice: string;
    readonly xLabel: string;
    readonly yLabel: string;
    readonly range: readonly [least: number, most: number];
    readonly cells: readonly { readonly x: string; readonly y: string; readonly metric: string }[];
  }[];
}
