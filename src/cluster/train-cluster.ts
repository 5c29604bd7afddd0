// Training over ranks on threads of this machine: what `train` and `resumeRun` do, with other steps.

import { UserError } from '../errors.ts';
import type { TrainResult } from '../train/events.ts';
import type { RunWatcher } from '../train/run-watcher.ts';
import type { StartStepper } from '../train/stepper.ts';
import { type ResumeOptions, resumeRun, type TrainOptions, train } from '../train/trainer.ts';
import { checkPlan, defaultMicroBatches, nearestSharing, roomierPlan } from './check-plan.ts';
import { type ClusterWatcher, clusterSteps } from './cluster-steps.ts';
import { type Layout, layoutText, parseLayout } from './layout.ts';
import type { MessageFormat, RankBytes } from './ranks/bytes.ts';
import { replicasOf } from './ranks/places.ts';
import { describeRanks } from './ranks/planned-bytes.ts';
import { parseScheduleName, type ScheduleName } from './schedule/schedules.ts';

/** How a run is laid out on ranks. None of it is recorded: a run can go on with another layout, or without ranks. */
export interface ClusterOptions {
  /** `pp=2,ep=2,dp=1`: ranks of a pipeline, ranks that share the experts, copies; what is left out is 1. */
  readonly layout: string;
  /** `1f1b` if absent. */
  readonly schedule?: string;
  /**
   * Micro-batches of each pipeline in a step; the batch is cut into as many for each of `ep * dp` pipelines, which the
   * run records as `gradAccumSteps`. Absent: those of `gradAccumSteps`, or the fewest that fill the pipeline.
   */
  readonly microBatches?: number;
  /**
   * How tokens travel between ranks that share experts: `float32`, or `fp8` as in the report (section 3.3.3), to the
   * experts as E4M3 with a power of two for each 128 numbers, and back as BF16, forward and backward. `float32` if
   * absent.
   */
  readonly messages?: MessageFormat;
}

/** Bytes of one rank, measured; see `RankBytes`. */
export interface RankResult extends RankBytes {
  readonly rank: number;
}

export interface ClusterResult extends TrainResult {
  readonly layout: Layout;
  readonly schedule: ScheduleName;
  /** Of each pipeline in a step. */
  readonly microBatches: number;
  /** Empty if no step was left to do. */
  readonly ranks: readonly RankResult[];
}

/**
 * Trains as `train` does, over ranks on threads of this process: pipeline stages, experts divided among ranks, copies
 * with optimizer state divided among them (ZeRO-1). Every rank has an engine with one thread. The calling thread keeps
 * the data, the log and the run folder, and evaluates.
 *
 * A pipeline alone (`ep` and `dp` 1) gives the bits of `train` with the same `gradAccumSteps`, under every schedule.
 * With `ep` or `dp` gradients are added in another order, so results agree within the rounding of float32. Checkpoints
 * are those of `train`: `resumeRun`, and `resumeCluster` with any layout, go on from them.
 *
 * @throws {UserError} for a layout, a schedule or micro-batches that do not fit the model or the batch, with the
 * nearest that do; when a rank fails, with its name and the last checkpoint; and where `train` does
 */
export async function trainCluster(options: TrainOptions & ClusterOptions): Promise<ClusterResult> {
  const { layout: text, schedule: name, microBatches: asked, messages, ...rest } = options;
  refuseParts(rest);
  const layout = parseLayout(text);
  const schedule = parseScheduleName(name ?? '1f1b');
  const microBatches = asked ?? defaultMicroBatches(layout, schedule, rest.train);
  const plan = { layout, schedule, microBatches };
  if (rest.init === undefined) checkPlan(plan, rest.model, rest.train);
  const gradAccumSteps = microBatches * replicasOf(layout);
  const start = { ...rest, train: { ...rest.train, gradAccumSteps } } as TrainOptions;
  const run = overRanks({ layout, schedule, messages }, rest, (startStepper) => train({ ...start, startStepper }));
  return run.catch((error: unknown) => {
    throw withRoomierPlan(error, rest.init === undefined ? roomierPlan(plan, rest.model, rest.train) : null);
  });
}

/** The error, with a plan that needs less memory where a rank ran out of it. */
function withRoomierPlan(error: unknown, roomier: string | null): unknown {
  if (roomier === null || !(error instanceof UserError && /rank \d+ .*engine memory/.test(error.message))) return error;
  return new UserError(`${error.message}; a rank takes less with ${roomier}`, { cause: error });
}

/**
 * Carries a run on as `resumeRun` does, over ranks; the run may have been trained in another layout, or without ranks.
 * Its batches keep the parts (`gradAccumSteps`) that they have, so that the layout has to fit them.
 *
 * @throws {UserError} as `trainCluster` and `resumeRun` do
 */
export async function resumeCluster(options: ResumeOptions & ClusterOptions): Promise<ClusterResult> {
  const { layout: text, schedule: name, microBatches, messages, ...rest } = options;
  refuseParts(rest);
  const layout = parseLayout(text);
  const schedule = parseScheduleName(name ?? '1f1b');
  return overRanks({ layout, schedule, messages, microBatches }, rest, (startStepper) =>
    resumeRun({ ...rest, startStepper }),
  );
}

const plural = (parts: number) => `${parts} part${parts === 1 ? '' : 's'}`;

/** Ranks build the model from its settings, so what a study replaces does not reach them. */
function refuseParts({ parts }: Pick<TrainOptions, 'parts'>): void {
  if (parts === undefined) return;
  throw new UserError('cluster: parts of the learner cannot be replaced on ranks; leave parts out, or use train');
}

interface Plan {
  readonly layout: Layout;
  readonly schedule: ScheduleName;
  readonly messages: MessageFormat | undefined;
  /** Asked for, of a run that goes on. */
  readonly microBatches?: number | undefined;
}

async function overRanks(
  { layout, schedule, messages = 'float32', microBatches: asked }: Plan,
  { onEvent, backendOptions = {} }: RunWatcher & Pick<TrainOptions, 'backendOptions'>,
  run: (startStepper: StartStepper) => Promise<TrainResult>,
): Promise<ClusterResult> {
  let bytes: readonly RankBytes[] = [];
  let microBatches = 0;
  const watcher: ClusterWatcher = {
    onPlan: async (ranks, activations) => {
      for (const message of describeRanks(ranks, activations)) await onEvent?.({ type: 'note', message });
    },
    onBytes: (now) => {
      bytes = now;
    },
  };
  const { engineMemory = null } = backendOptions;
  const result = await run((learner, settings) => {
    const { gradAccumSteps } = settings.train;
    microBatches = gradAccumSteps / replicasOf(layout);
    if (!Number.isInteger(microBatches)) {
      throw new UserError(
        `cluster: the run computes its batches in ${plural(gradAccumSteps)} (gradAccumSteps), which ` +
          `${replicasOf(layout)} pipelines cannot share; try --layout ${layoutText(nearestSharing(layout, gradAccumSteps))}`,
      );
    }
    if (asked !== undefined && asked !== microBatches) {
      throw new UserError(
        `cluster: the run computes its batches in ${plural(gradAccumSteps)}, ${microBatches} for each pipeline; ` +
          `found --micro-batches ${asked}, leave it out`,
      );
    }
    checkPlan({ layout, schedule, microBatches }, settings.model, settings.train);
    return clusterSteps({ layout, schedule, microBatches, messages, engineMemory }, watcher)(learner, settings);
  });
  return { ...result, layout, schedule, microBatches, ranks: bytes.map((own, rank) => ({ rank, ...own })) };
}
