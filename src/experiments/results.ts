// From the runs of a study to its results: tables, intervals, verdicts.

import { cpus } from 'node:os';
import { countParameters } from '../config/counts.ts';
import { loadRun } from '../report/load-run.ts';
import type { ArmResults, Interval, MetricCell, StudyResults } from '../report/study-results.ts';

import { type Job, jobsOf, type Plan } from './plan.ts';
import { readMeasured } from './measured-file.ts';
import { type BySeed, type Estimate, estimate, pairedDifference } from './statistics.ts';
import type { Arm, Measurements, Study } from './study.ts';
import { estimateOf, judge, ruleOf } from './verdict.ts';

export const statisticsNote =
  "95 % intervals by Student's t over seeds; differences are paired by seed, and so by initial weights and order of the data";

interface FinishedRun {
  readonly job: Job;
  readonly measured: Measurements;
}

/** The results of what is done so far; null when nothing is. `command` is what repeats the study. */
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
  const values = (arm: string, metric: string) => bySeed(runs, arm, metric);
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
    verdicts: study.hypotheses.map((hypothesis) => {
      const found = estimateOf(hypothesis, values);
      const verdict = judge(found, hypothesis.expect, hypothesis.as === 'ratio');
      return {
        claim: hypothesis.claim,
        rule: ruleOf(hypothesis),
        found: toInterval(found),
        verdict,
        paper: hypothesis.paper ?? null,
      };
    }),
    metrics: study.metrics.map(({ unit = null, better = null, ...metric }) => ({ ...metric, unit, better })),
    arms: study.arms.flatMap((arm) => armResults(study, arm, runs) ?? []),
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

function toInterval(found: Estimate | null): Interval | null {
  if (found === null) return null;
  const finite = (value: number) => (Number.isFinite(value) ? value : null);
  return { mean: found.mean, low: finite(found.low), high: finite(found.high), n: found.n };
}

/** Null for an arm of which no run is done. */
function armResults(study: Study, arm: Arm, runs: readonly FinishedRun[]): ArmResults | null {
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
    cells: study.metrics.map(({ key }) => cellOf(runs, arm.name, study.arms[0]?.name ?? '', key)),
  };
}

function cellOf(runs: readonly FinishedRun[], arm: string, firstArm: string, metric: string): MetricCell {
  const values = bySeed(runs, arm, metric);
  const difference = arm === firstArm ? null : pairedDifference(values, bySeed(runs, firstArm, metric));
  return { value: toInterval(estimate([...values.values()])), difference: toInterval(difference) };
}

function changesOf({ modelChanges, trainChanges, variant, stepsFactor }: Arm): string[] {
  const settings = Object.entries({ ...modelChanges, ...trainChanges });
  return [
    ...settings.map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`),
    ...(variant === undefined ? [] : [`variant ${variant}`]),
    ...(stepsFactor === undefined ? [] : [`${stepsFactor} times the steps`]),
  ];
}
