// The plan of a study folder: `study.json` says which study it is for, its size and its seeds; the runs lie beside it.
//
//   OUT/study.json                       the plan
//   OUT/runs/ARM/seed-S/                 a run folder, as `tinyseek train` writes it
//   OUT/runs/ARM/seed-S/measured.json    its numbers, once the run is done
//   OUT/shared/seed-S/                   what the study prepares for all arms of a seed, if it does
//   OUT/results.{json,csv,md}, report.html

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { explainFsErrors } from '../io/file-system.ts';
import { hasFile } from '../io/inside-folder.ts';
import { readJsonFile, writeJsonFile } from '../io/json-file.ts';
import { refuseUsedFolder } from '../io/used-folder.ts';
import type { LoadedStudy } from './load-study.ts';
import { armSettings, type StudySize } from './settings.ts';
import type { Arm } from './study.ts';

export interface Plan extends LoadedStudy, StudySize {
  /** The number of seeds: 0, 1, ... With the same seed, all arms read the same text in the same order. */
  readonly seeds: number;
  readonly out: string;
}

/** One run of a study. */
export interface Job {
  readonly arm: Arm;
  readonly seed: number;
  readonly runDir: string;
  /** Optimizer steps; 1 for a procedure, which counts its work in shares. */
  readonly steps: number;
}

/** What stands in the place of the arm in what a study prepares for all arms. */
export const preparation: Arm = { name: 'shared', label: 'shared by all arms' };

/** Where a seed's preparation lies. */
export function sharedDirOf({ out }: Plan, seed: number): string {
  return join(out, 'shared', `seed-${seed}`);
}

/** What is to be done before the runs: one job for each seed, or none. */
export function preparationsOf(plan: Plan): Job[] {
  if (plan.study.prepare === undefined) return [];
  return Array.from({ length: plan.seeds }, (_, seed) => ({
    arm: preparation,
    seed,
    runDir: sharedDirOf(plan, seed),
    steps: 1,
  }));
}

const planFile = 'study.json';

/** All runs, seed by seed, so that a study that is stopped has whole pairs to compare. */
export function jobsOf(plan: Plan): Job[] {
  const { study, out } = plan;
  return Array.from({ length: plan.seeds }, (_, seed) =>
    study.arms.map((arm) => ({
      arm,
      seed,
      runDir: join(out, 'runs', arm.name, `seed-${seed}`),
      steps: study.procedure === undefined ? armSettings(study, arm, plan, seed).train.steps : 1,
    })),
  ).flat();
}

/** Everything the numbers of a plan depend on, as plain data. */
function identityOf({ study, quick, steps }: Plan): Record<string, unknown> {
  const { name, preset, base, arms } = study;
  return { name, preset, base, quickChanges: quick ? study.quick : {}, arms, quick, steps };
}

/**
 * Writes the plan into its folder, or checks it against the one that is there: the same study at the same size goes on,
 * with more seeds if asked for; anything else is a `UserError`.
 */
export function openPlan(plan: Plan): void {
  const { out, seeds } = plan;
  const path = join(out, planFile);
  const content = { format: 1, ...identityOf(plan), seeds };
  if (hasFile(out, planFile)) refuseOtherPlan(readJsonFile(out, planFile, 'study'), content, out);
  else refuseUsedFolder(out, 'study', planFile, () => ' and holds no study; choose another folder with --out');
  explainFsErrors('study: cannot write', path, () => mkdirSync(out, { recursive: true }));
  writeJsonFile(path, content, 'study');
}

function refuseOtherPlan(found: Readonly<Record<string, unknown>>, wanted: Record<string, unknown>, out: string): void {
  const plain: Record<string, unknown> = JSON.parse(JSON.stringify(wanted));
  const keys = Object.keys(plain).filter((key) => key !== 'seeds');
  const different = keys.filter((key) => JSON.stringify(plain[key]) !== JSON.stringify(found[key]));
  if (different.length === 0) return;
  throw new UserError(
    `study: ${out} holds a study with other settings (${different.join(', ')}); choose another folder with --out, or delete it`,
  );
}
