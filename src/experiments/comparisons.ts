// What the numbers of runs say: arms compared seed by seed, in the cells of a table and in the claims of the study.

import type { JudgedClaim, MetricCell, VerdictRow } from '../report/study-results.ts';
import { type Bounds, boundsOf, boundsOfDifference, toInterval } from './bounds.ts';
import { judgementOf, type PlannedStudy, whyNotJudged } from './evidence.ts';
import { withHolm } from './holm.ts';
import { armSettings } from './settings.ts';
import { type BySeed, estimate, pairedDifference } from './statistics.ts';
import type { Hypothesis, Measurements } from './study.ts';
import { estimateOf, ruleOf } from './verdict.ts';

/** The numbers of one finished run. */
export interface MeasuredRun {
  readonly arm: string;
  readonly seed: number;
  readonly measured: Measurements;
}

/** A row for each claim of the study, corrected for their number. */
export function claimRows(plan: PlannedStudy, runs: readonly MeasuredRun[]): VerdictRow[] {
  const shortfall = whyNotJudged(plan);
  return withHolm(plan.study.hypotheses.map((hypothesis) => judgedClaim(plan, runs, hypothesis, shortfall)));
}

/** A cell for each metric of the study. */
export function armCells(plan: PlannedStudy, runs: readonly MeasuredRun[], arm: string): MetricCell[] {
  return plan.study.metrics.map(({ key }) => cellOf(plan, runs, arm, key));
}

export function bySeed(runs: readonly MeasuredRun[], arm: string, metric: string): BySeed {
  const own = runs.filter((run) => run.arm === arm);
  return new Map(
    own.flatMap(({ seed, measured }): [number, number][] => {
      const value = measured[metric];
      return value === undefined ? [] : [[seed, value]];
    }),
  );
}

/** The verdict uses the whole interval; only the interval that is shown is cut at the bounds. */
function judgedClaim(
  plan: PlannedStudy,
  runs: readonly MeasuredRun[],
  hypothesis: Hypothesis,
  shortfall: string | null,
): JudgedClaim {
  const { arm, against, metric, as, claim, paper = null } = hypothesis;
  const found = estimateOf(hypothesis, (name, key) => bySeed(runs, name, key));
  const bounds = as === 'ratio' ? undefined : boundsBetween(plan, metric, arm, against);
  return {
    claim,
    rule: ruleOf(hypothesis),
    found: toInterval(found, bounds),
    ...judgementOf(hypothesis, found, plan.study, shortfall),
    paper,
  };
}

function boundsOfArm(plan: PlannedStudy, metric: string, name: string): Bounds {
  const arm = plan.study.arms.find((candidate) => candidate.name === name)!;
  return boundsOf(plan.study, metric, armSettings(plan.study, arm, plan, 0).model);
}

/** The bounds of a metric of an arm, or of its difference from another arm. */
function boundsBetween(plan: PlannedStudy, metric: string, arm: string, against?: string): Bounds {
  const own = boundsOfArm(plan, metric, arm);
  return against === undefined ? own : boundsOfDifference(own, boundsOfArm(plan, metric, against));
}

function cellOf(plan: PlannedStudy, runs: readonly MeasuredRun[], arm: string, metric: string): MetricCell {
  const first = plan.study.arms[0]!.name;
  const values = bySeed(runs, arm, metric);
  const difference = arm === first ? null : pairedDifference(values, bySeed(runs, first, metric));
  return {
    value: toInterval(estimate([...values.values()]), boundsBetween(plan, metric, arm)),
    difference: toInterval(difference, boundsBetween(plan, metric, arm, first)),
  };
}
