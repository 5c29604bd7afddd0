// Where the runs of a study stand, from what their processes tell: a table of arms and the time that is left.

import type { Job } from '../../experiments/plan.ts';
import type { JobEvent } from '../../experiments/run-jobs.ts';

/** How far one run is. */
interface Standing {
  readonly status: 'waiting' | 'running' | 'done' | 'failed';
  readonly step: number;
  readonly loss: number | null;
  /** What a procedure does now; null: it is a training run, or has not said yet. */
  readonly doing: string | null;
}

export interface ArmStanding {
  readonly arm: string;
  readonly done: number;
  readonly failed: number;
  readonly seeds: number;
  /** The runs going on. */
  readonly running: readonly {
    readonly seed: number;
    readonly step: number;
    readonly steps: number;
    readonly loss: number | null;
    readonly doing: string | null;
  }[];
}

export interface StudyState {
  update(event: JobEvent): void;
  /** In the order of the study. */
  arms(): ArmStanding[];
  readonly totalRuns: number;
  doneRuns(): number;
  /** NaN until some steps have been timed. */
  secondsLeft(): number;
}

const unstarted: Standing = { status: 'waiting', step: 0, loss: null, doing: null };

/** `now` in milliseconds. */
export function createStudyState(jobs: readonly Job[], now: () => number = () => performance.now()): StudyState {
  const standings = new Map<Job, Standing>(jobs.map((job) => [job, unstarted]));
  const startedAt = now();
  let stepsTimed = 0;
  const at = (job: Job) => standings.get(job) ?? unstarted;
  const move = (job: Job, step: number) => {
    const before = at(job).step;
    // A resumed run begins in the middle: what it did before was not done in this session.
    if (before > 0) stepsTimed += step - before;
  };
  const isOver = ({ status }: Standing) => status === 'done' || status === 'failed';
  return {
    totalRuns: jobs.length,
    update: (event) => {
      const { job } = event;
      if (event.type === 'step') {
        move(job, event.step);
        standings.set(job, { status: 'running', step: event.step, loss: event.loss, doing: null });
      } else if (event.type === 'progress') {
        const step = event.share * job.steps;
        move(job, step);
        standings.set(job, { status: 'running', step, loss: null, doing: event.doing });
      } else if (event.type === 'started') standings.set(job, { ...at(job), status: 'running' });
      else if (event.type !== 'warning') standings.set(job, { ...at(job), status: event.type });
    },
    arms: () => [...groupByArm(jobs)].map(([arm, own]) => armStanding(arm, own, at)),
    doneRuns: () => [...standings.values()].filter(({ status }) => status === 'done').length,
    secondsLeft: () => {
      const left = jobs.reduce((sum, job) => sum + (isOver(at(job)) ? 0 : job.steps - at(job).step), 0);
      return stepsTimed === 0 ? Number.NaN : ((now() - startedAt) / 1000 / stepsTimed) * left;
    },
  };
}

function groupByArm(jobs: readonly Job[]): Map<string, Job[]> {
  const groups = new Map<string, Job[]>();
  for (const job of jobs) groups.set(job.arm.name, [...(groups.get(job.arm.name) ?? []), job]);
  return groups;
}

function armStanding(arm: string, jobs: readonly Job[], at: (job: Job) => Standing): ArmStanding {
  const count = (status: Standing['status']) => jobs.filter((job) => at(job).status === status).length;
  const running = jobs.filter((job) => at(job).status === 'running');
  return {
    arm,
    done: count('done'),
    failed: count('failed'),
    seeds: jobs.length,
    running: running.map((job) => {
      const { step, loss, doing } = at(job);
      return { seed: job.seed, steps: job.steps, step, loss, doing };
    }),
  };
}
