// From the runs of a study to its results: tables, intervals, verdicts.

import { cpus } from 'node:os';
import { countParameters } from '../config/counts.ts';
import { loadRun } from '../report/load-run.ts';
import type { ArmResults, MetricCell, StudyResults, VerdictRow } from '../report/study-results.ts';
import { type Bounds, boundsOf, boundsOfDifference, toInterval } from './bounds.ts';
import { judgementOf, whyNotJudged } from './evidence.ts';
import { readMeasured } from './measured-file.ts';
import { type Job, jobsOf, type Plan } from './plan.ts';
import { armSettings } from './settings.ts';
import { type BySeed, estimate, pairedDifference } from './statistics.ts';
import type { Arm, Hypothesis, Measurements } from './study.ts';
import { estimateOf, ruleOf } from './verdict.ts';

export const statisticsNote =
  "95 % intervals by Student's t over seeds, cut where a quantity has a bound; differences are paired by seed, and so by " +
  'initial weights and order of the data';

interface FinishedRun {
  readonly job: Job;
  readonly measured: Measurements;
}

/** The results of the runs that are done so far; null if none is. `command` is the command that repeats the study. */
export function collectResults(plan: Plan, command: string): StudyResults | null {
  const { study, quick, seeds } = plan;
  const jobs = jobsOf(plan);
  const runs = jobs.flatMap((job): FinishedRun[] => {
    const measured = readMeasured(job.runDir);
    return measured === null ? [] : [{ job, measured }];
  });
  const [first] = runs;
  if (first === undefined) return null;
  const { settings } = loadRun(first.job.runDir);
  const { name, title, question, source, equal, paper, scatters = [], series = [] } = study;
  const shortfall = whyNotJudged(plan);
  return {
    format: 1,
    ...{ name, title, question, source, equal, paper, quick, seeds, command, scatters, series },
    plannedRuns: jobs.length,
    environment: {
      tinyseek: settings.version,
      node: process.version,
      machine: machineName(),
      backend: settings.backend,
    },
    createdAt: new Date().toISOString(),
    statistics: statisticsNote,
    verdicts: study.hypotheses.map((hypothesis) => verdictRow(plan, runs, hypothesis, shortfall)),
    metrics: study.metrics.map(({ key, label, unit = null, better = null }) => ({ key, label, unit, better })),
    arms: study.arms.flatMap((arm) => armResults(plan, arm, runs) ?? []),
  };
}

function machineName(): string {
  const all = cpus();
  const model = (all[0]?.model ?? 'unknown processor').trim();
  return `${model}, ${all.length} core${all.length === 1 ? '' : 's'}, ${process.platform}`;
}

function bySeed(runs: readonly FinishedRun[], arm: string, metric: string): BySeed {
  const own = runs.filter(({ job }) => job.arm.name === arm);
  return new Map(
    own.flatMap(({ job, measured }): [number, number][] => {
      const value = measured[metric];
      return value === undefined ? [] : [[job.seed, value]];
    }),
  );
}

/** The verdict uses the whole interval; only the interval that is shown is cut at the bounds. */
function verdictRow(
  plan: Plan,
  runs: readonly FinishedRun[],
  hypothesis: Hypothesis,
  shortfall: string | null,
): VerdictRow {
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

function boundsOfArm(plan: Plan, metric: string, name: string): Bounds {
  const arm = plan.study.arms.find((candidate) => candidate.name === name)!;
  return boundsOf(plan.study, metric, armSettings(plan.study, arm, plan, 0).model);
}

/** The bounds of a metric of an arm, or of its difference from another arm. */
function boundsBetween(plan: Plan, metric: string, arm: string, against?: string): Bounds {
  const own = boundsOfArm(plan, metric, arm);
  return against === undefined ? own : boundsOfDifference(own, boundsOfArm(plan, metric, against));
}

/** The results of an arm; null if none of its runs is done. */
function armResults(plan: Plan, arm: Arm, runs: readonly FinishedRun[]): ArmResults | null {
  const { study } = plan;
  const own = runs.filter(({ job }) => job.arm.name === arm.name);
  const [first] = own;
  if (first === undefined) return null;
  const { model, train } = loadRun(first.job.runDir).settings;
  const { total, active, flopsPerToken } = countParameters(model, train.seqLen);
  return {
    name: arm.name,
    label: arm.label ?? arm.name,
    changes: changesOf(arm),
    steps: first.job.steps,
    parameters: total,
    activeParameters: active,
    flopsPerToken,
    runs: own.map(({ job, measured }) => ({ seed: job.seed, dir: job.runDir, measured })),
    cells: study.metrics.map(({ key }) => cellOf(plan, runs, arm.name, key)),
  };
}

function cellOf(plan: Plan, runs: readonly FinishedRun[], arm: string, metric: string): MetricCell {
  const first = plan.study.arms[0]!.name;
  const values = bySeed(runs, arm, metric);
  const difference = arm === first ? null : pairedDifference(values, bySeed(runs, first, metric));
  return {
    value: toInterval(estimate([...values.values()]), boundsBetween(plan, metric, arm)),
    difference: toInterval(difference, boundsBetween(plan, metric, arm, first)),
  };
}

function changesOf({ modelChanges, trainChanges, variant, stepsFactor }: Arm): string[] {
  const settings = Object.entries({ ...modelChanges, ...trainChanges });
  return [
    ...settings.map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`),
    ...(variant === undefined ? [] : [`variant ${variant}`]),
    ...(stepsFactor === undefined ? [] : [`${stepsFactor} times the steps`]),
  ];
}
