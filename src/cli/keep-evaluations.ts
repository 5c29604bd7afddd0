// What was found on tasks, kept in the run folder that the checkpoint belongs to, and shown in its report.

import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../errors.ts';
import type { JsonObject } from '../io/json.ts';
import { evaluationOf, keepEvaluations } from '../report/evaluations.ts';
import { loadRun } from '../report/load-run.ts';
import type { TrainResult } from '../train/events.ts';
import { warn } from './open-model.ts';
import { writeReport } from './write-report.ts';

/** What a run measured before its first step and after its last. */
export function keepMeasured({ run, steps, measured }: TrainResult): void {
  const { method } = loadRun(run).settings;
  if (measured === undefined || typeof method?.settings.task !== 'string') return;
  const { task, system: given } = method.settings;
  // The system prompt of an SFT run is that of some of its samples; it is measured without one.
  const system = method.name === 'grpo' && typeof given === 'string' ? given : '';
  keepEvaluations(run, [
    evaluationOf(task, 0, system, measured.before),
    evaluationOf(task, steps, system, measured.after),
  ]);
}

/**
 * What `eval --tasks` found on a checkpoint, by task. Returns the report of its run; null for a checkpoint that is in
 * no run folder. A folder that cannot be written to is a warning.
 */
export async function keepFound(
  checkpoint: string,
  found: Readonly<Record<string, JsonObject>>,
  system = '',
): Promise<string | null> {
  const run = dirname(dirname(checkpoint));
  const step = /^step-(\d+)$/.exec(basename(checkpoint))?.[1];
  if (step === undefined || !existsSync(join(run, 'run.json'))) return null;
  try {
    const list = Object.entries(found);
    keepEvaluations(
      run,
      list.map(([task, result]) => evaluationOf(task, Number(step), system, result)),
    );
    return await writeReport([run]);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    warn([`the results are not kept with the run: ${error.message}`]);
    return null;
  }
}
