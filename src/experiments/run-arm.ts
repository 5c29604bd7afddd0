// Trains one arm with one seed, from the start or from wherever it stopped, and writes down its numbers.

import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { latestCheckpoint } from '../io/read-checkpoint.ts';
import type { TrainEvent, TrainResult } from '../train/events.ts';
import { resumeRun, train } from '../train/trainer.ts';
import { measureRun } from './measure-run.ts';
import { writeMeasured } from './measured-file.ts';
import { armSettings, type StudySize } from './settings.ts';
import type { Arm, Measurements, Study, VariantOptions } from './study.ts';
import { activateVariant } from './variants/index.ts';

export interface ArmRun {
  readonly study: Study;
  readonly arm: Arm;
  readonly size: StudySize;
  readonly seed: number;
  readonly runDir: string;
  readonly onEvent: (event: TrainEvent) => void;
  readonly signal: AbortSignal;
}

/** True when the run was finished and measured, false when `signal` ended it; a checkpoint is written either way. */
export async function runArm(run: ArmRun): Promise<boolean> {
  const variant = await activateVariant(run.arm.variant);
  const result = await trainOrResume(run, variant);
  if (!result.finished) return false;
  const extra = await evaluateArm(run, result, variant);
  writeMeasured(run.runDir, { ...measureRun(run.runDir), ...extra });
  return true;
}

/**
 * One thread: a study fills the cores with runs side by side, which costs less than threads that wait for each other.
 */
const oneThread = { threads: 1, engineVariant: null };

async function trainOrResume(run: ArmRun, variant: VariantOptions): Promise<TrainResult> {
  const { study, arm, size, seed, runDir, onEvent, signal } = run;
  const settings = armSettings(study, arm, size, seed);
  const common = { ...variant, backendOptions: oneThread, runDir, onEvent, signal };
  if (canResume(runDir)) return resumeRun(common);
  rmSync(runDir, { recursive: true, force: true });
  return train({ ...settings, backend: 'auto', ...common });
}

/** Whether there is a checkpoint: a run that was killed before its first one starts again. */
function canResume(runDir: string): boolean {
  const folder = join(runDir, 'checkpoints');
  return existsSync(join(runDir, 'run.json')) && existsSync(folder) && latestCheckpoint(folder).checkpoint !== null;
}

async function evaluateArm(run: ArmRun, { checkpoint }: TrainResult, variant: VariantOptions): Promise<Measurements> {
  const { study, arm, size, seed, runDir } = run;
  return (await study.evaluate?.({ arm, runDir, checkpoint, variant, ...armSettings(study, arm, size, seed) })) ?? {};
}
