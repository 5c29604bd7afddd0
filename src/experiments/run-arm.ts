// Carries out one arm with one seed, from the start or from wherever it stopped, and writes down its numbers.

import type { TrainEvent, TrainResult } from '../train/events.ts';
import { measureRun } from './measure-run.ts';
import { writeMeasured } from './measured-file.ts';
import { armSettings, type StudySize } from './settings.ts';
import { trainOrResume } from './stage.ts';
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
  const { study, arm, size, seed, runDir, onEvent, signal } = run;
  const variant = await activateVariant(arm.variant);
  const { model, train } = armSettings(study, arm, size, seed);
  const result = await trainOrResume(runDir, { model, train, ...variant, onEvent, signal });
  if (!result.finished) return false;
  const extra = await evaluateArm(run, result, variant);
  writeMeasured(runDir, { ...measureRun(runDir), ...extra });
  return true;
}

async function evaluateArm(run: ArmRun, { checkpoint }: TrainResult, variant: VariantOptions): Promise<Measurements> {
  const { study, arm, size, seed, runDir } = run;
  const { model, train } = armSettings(study, arm, size, seed);
  return (await study.evaluate?.({ arm, runDir, checkpoint, variant, model, train })) ?? {};
}
