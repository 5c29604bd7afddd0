// Runs the jobs of a study side by side, each in a process of its own with one thread. What the study prepares for all
// arms comes first.

import { type ChildProcess, fork } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ArmMessage, type ArmOrder, stopMessage } from './arm-protocol.ts';
import { readMeasured } from './measured-file.ts';
import { type Job, type Plan, preparation, sharedDirOf } from './plan.ts';

export type JobEvent =
  /** `already` means that the run was done before this command. */
  | { readonly type: 'done'; readonly job: Job; readonly already: boolean }
  | { readonly type: 'started'; readonly job: Job }
  | {
      readonly type: 'step';
      readonly job: Job;
      readonly step: number;
      readonly loss: number;
      readonly secondsLeft: number;
    }
  | { readonly type: 'progress'; readonly job: Job; readonly share: number; readonly doing: string }
  | { readonly type: 'warning'; readonly job: Job; readonly message: string }
  | { readonly type: 'failed'; readonly job: Job; readonly message: string; readonly isUserError: boolean };

export interface JobOptions {
  /** Most processes at a time. */
  readonly parallel: number;
  readonly onEvent: (event: JobEvent) => void;
  /** Ends all runs after their current step, with a checkpoint. */
  readonly signal: AbortSignal;
}

const isPreparation = ({ arm }: Job) => arm === preparation;

/**
 * Runs the jobs that are not done yet, preparations first. If one fails, the others go on, but for the arms of a seed
 * whose preparation failed. Returns when all have ended.
 */
export async function runJobs(plan: Plan, jobs: readonly Job[], options: JobOptions): Promise<void> {
  const first = jobs.filter(isPreparation);
  await runSideBySide(plan, first, options);
  if (options.signal.aborted) return;
  const failed = new Set(first.filter((job) => readMeasured(job.runDir) === null).map(({ seed }) => seed));
  const rest = jobs.filter((job) => !isPreparation(job));
  await runSideBySide(
    plan,
    rest.filter(({ seed }) => !failed.has(seed)),
    options,
  );
  for (const job of rest.filter(({ seed }) => failed.has(seed))) {
    const message = `what all arms of seed ${job.seed} start from is missing; see the failure above`;
    options.onEvent({ type: 'failed', job, message, isUserError: true });
  }
}

async function runSideBySide(plan: Plan, jobs: readonly Job[], options: JobOptions): Promise<void> {
  const { onEvent, parallel, signal } = options;
  const waiting = jobs.filter((job) => {
    const already = readMeasured(job.runDir) !== null;
    if (already) onEvent({ type: 'done', job, already });
    return !already;
  });
  const work = async () => {
    for (let job = waiting.shift(); job !== undefined && !signal.aborted; job = waiting.shift()) {
      await runJob(plan, job, options);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
}

const entry = fileURLToPath(new URL(`./arm-process${extname(import.meta.url)}`, import.meta.url));

function start(plan: Plan, job: Job): ChildProcess {
  const { source, quick, steps } = plan;
  const { seed, runDir } = job;
  const arm = isPreparation(job) ? null : job.arm.name;
  const order: ArmOrder = { source, size: { quick, steps }, arm, seed, runDir, sharedDir: sharedDirOf(plan, seed) };
  return fork(entry, [JSON.stringify(order)], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

/** Resolves when the process has ended. It reports what happened by events and never rejects. */
function runJob(plan: Plan, job: Job, { onEvent, signal }: JobOptions): Promise<void> {
  onEvent({ type: 'started', job });
  const child = start(plan, job);
  let hasEnded = false;
  const stop = () => child.connected && child.send(stopMessage);
  signal.addEventListener('abort', stop);
  child.on('message', (message: ArmMessage) => {
    if (message.type === 'end') {
      hasEnded = true;
      if (message.finished) onEvent({ type: 'done', job, already: false });
    } else {
      hasEnded ||= message.type === 'failed';
      onEvent({ ...message, job });
    }
  });
  return new Promise((done) => {
    const finish = (how: string) => {
      signal.removeEventListener('abort', stop);
      if (!hasEnded)
        onEvent({ type: 'failed', job, message: `the process of this run ended early (${how})`, isUserError: true });
      hasEnded = true;
      done();
    };
    child.on('error', (error) => finish(error.message));
    child.on('close', (code, killedBy) => finish(killedBy ?? `exit code ${code}`));
  });
}
