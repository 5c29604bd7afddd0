// A study from where it stands to its end, with its progress on the screen, and what came of it.

import { jobsOf, openPlan, type Plan, preparationsOf } from '../../experiments/plan.ts';
import { collectResults } from '../../experiments/results.ts';
import { type JobEvent, runJobs } from '../../experiments/run-jobs.ts';
import { type ResultFiles, writeResults } from '../../experiments/write-results.ts';
import { lockRun } from '../../io/run-lock.ts';
import type { StudyResults } from '../../report/study-results.ts';
import { exitInterrupted, onInterrupt } from '../interrupt.ts';
import { type CommandOutput, outputWidth } from '../output.ts';
import { plural } from '../terminal/format.ts';
import type { Line } from '../terminal/print.ts';
import { studyClosingLines } from './study-closing.ts';
import { createStudyProgress } from './study-progress.ts';

interface Outcome {
  readonly interrupted: boolean;
  readonly failures: readonly Extract<JobEvent, { type: 'failed' }>[];
}

/** Runs to the end or to the first interrupt, after which runs end with a checkpoint; a second one ends everything. */
async function runAll(plan: Plan, parallel: number): Promise<Outcome> {
  const jobs = [...preparationsOf(plan), ...jobsOf(plan)];
  const progress = createStudyProgress(jobs);
  const failures: Extract<JobEvent, { type: 'failed' }>[] = [];
  const abort = new AbortController();
  const stopListening = onInterrupt(process, {
    first: () => {
      abort.abort();
      progress.note('Stopping after this step, with checkpoints. Press Ctrl-C again to stop at once.');
    },
    second: () => process.exit(exitInterrupted),
  });
  const onEvent = (event: JobEvent) => {
    if (event.type === 'failed') failures.push(event);
    progress.onEvent(event);
  };
  try {
    await runJobs(plan, jobs, { parallel, onEvent, signal: abort.signal });
  } finally {
    stopListening();
    progress.end();
  }
  return { interrupted: abort.signal.aborted, failures };
}

/** Runs a study `parallel` runs at a time; `command` is what does so again, or goes on with it. */
export async function followStudy(plan: Plan, parallel: number, command: string): Promise<CommandOutput> {
  const unlock = lockRun(plan.out);
  try {
    openPlan(plan);
    const outcome = await runAll(plan, parallel);
    const results = collectResults(plan, command);
    const files = results === null ? null : await writeResults(results, plan.out);
    return concluded(outcome, results, files, command);
  } finally {
    unlock();
  }
}

function concluded(
  { interrupted, failures }: Outcome,
  results: StudyResults | null,
  files: ResultFiles | null,
  command: string,
): CommandOutput {
  const width = outputWidth();
  const closing = results === null || files === null ? [] : studyClosingLines(results, files, width);
  const json = { finished: !interrupted && failures.length === 0, ...files, results };
  if (interrupted) {
    const lines: Line[] = [...closing, '', 'Stopped; nothing is lost. Go on with:', { command }];
    return { json, lines, exitCode: exitInterrupted };
  }
  if (failures.length === 0) return { json, lines: closing };
  const lines = failures.map(({ job, message }) => `${job.arm.name}, seed ${job.seed}: ${message}`);
  const isBug = failures.some(({ isUserError }) => !isUserError);
  const failed = `${plural(failures.length, 'run')} failed; the same command tries them again:`;
  return { json, lines: [...closing, '', failed, ...lines], exitCode: isBug ? 70 : 1 };
}
