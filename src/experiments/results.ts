// From the runs of a study to its results: tables, intervals, verdicts.

import { cpus } from 'node:os';
import { countParameters } from '../config/counts.ts';
import { loadRun } from '../report/load-run.ts';
import type { ArmResults, StudyResults } from '../report/study-results.ts';
import { armCells, claimRows, type MeasuredRun } from './comparisons.ts';
import { readMeasured } from './measured-file.ts';
import { type Job, jobsOf, type Plan } from './plan.ts';
import { type ProcedureRecord, readProcedure } from './procedure-file.ts';
import { armSettings } from './settings.ts';
import type { Arm } from './study.ts';

const statisticsNote =
  "95 % intervals by Student's t over seeds, each as if it were the only one, cut where a quantity has a bound; " +
  'differences are paired by seed, and so by initial weights and order of the data';

/** What a run was done with. */
type Conditions = Pick<ProcedureRecord, 'version' | 'backend'> &
  Pick<ReturnType<typeof armSettings>, 'model' | 'train'>;

/** Of a training run, what its folder says; a procedure leaves no such folder. */
function conditionsOf(plan: Plan, { arm, seed, runDir }: Job): Conditions {
  if (plan.study.procedure === undefined) return loadRun(runDir).settings;
  return { ...armSettings(plan.study, arm, plan, seed), ...readProcedure(runDir) };
}

interface FinishedRun extends MeasuredRun {
  readonly job: Job;
}

/** The results of the runs that are done so far; null if none is. `command` is the command that repeats the study. */
export function collectResults(plan: Plan, command: string): StudyResults | null {
  const { study, quick, seeds } = plan;
  const jobs = jobsOf(plan);
  const runs = jobs.flatMap((job): FinishedRun[] => {
    const measured = readMeasured(job.runDir);
    return measured === null ? [] : [{ job, arm: job.arm.name, seed: job.seed, measured }];
  });
  const [first] = runs;
  if (first === undefined) return null;
  const { version, backend } = conditionsOf(plan, first.job);
  const { name, title, question, source, equal, paper, scatters = [], series = [] } = study;
  const { curves = [], heatMaps = [] } = study;
  return {
    format: 1,
    ...{ name, title, question, source, equal, paper, quick, seeds, command, scatters, series },
    ...(curves.length === 0 ? {} : { curves }),
    ...(heatMaps.length === 0 ? {} : { heatMaps }),
    plannedRuns: jobs.length,
    environment: {
      tinyseek: version,
      node: process.version,
      machine: machineName(),
      backend,
    },
    createdAt: new Date().toISOString(),
    statistics: statisticsNote,
    verdicts: claimRows(plan, runs),
    correctedFor: study.hypotheses.length,
    metrics: study.metrics.map(({ key, label, unit = null, better = null }) => ({ key, label, unit, better })),
    arms: study.arms.flatMap((arm) => armResults(plan, arm, runs) ?? []),
  };
}

function machineName(): string {
  const all = cpus();
  const model = (all[0]?.model ?? 'unknown processor').trim();
  return `${model}, ${all.length} core${all.length === 1 ? '' : 's'}, ${process.platform}`;
}

/** The results of an arm; null if none of its runs is done. */
function armResults(plan: Plan, arm: Arm, runs: readonly FinishedRun[]): ArmResults | null {
  const own = runs.filter((run) => run.arm === arm.name);
  const [first] = own;
  if (first === undefined) return null;
  const isProcedure = plan.study.procedure !== undefined;
  const { model, train } = conditionsOf(plan, first.job);
  const { total, active, flopsPerToken } = countParameters(model, train.seqLen);
  return {
    name: arm.name,
    label: arm.label ?? arm.name,
    changes: changesOf(arm),
    steps: isProcedure ? null : first.job.steps,
    parameters: total,
    activeParameters: active,
    flopsPerToken,
    runs: own.map(({ job, seed, measured }) => ({
      ...{ seed, dir: job.runDir, measured },
      ...(isProcedure ? { curves: readProcedure(job.runDir).curves } : {}),
    })),
    cells: armCells(plan, runs, arm.name),
  };
}

function changesOf({ modelChanges, trainChanges, procedureChanges, variant, stepsFactor }: Arm): string[] {
  const settings = Object.entries({ ...modelChanges, ...trainChanges, ...procedureChanges });
  return [
    ...settings.map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`),
    ...(variant === undefined ? [] : [`variant ${variant}`]),
    ...(stepsFactor === undefined ? [] : [`${stepsFactor} times the steps`]),
  ];
}
