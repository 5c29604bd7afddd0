// The schedules by name.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';
import { hasWholeRounds, interleaved, oneForwardOneBackward, zb1p } from './alternating.ts';
import { dualpipe, dualpipeV } from './dualpipe.ts';
import { gpipe } from './gpipe.ts';
import { range } from './range.ts';
import type { Chunk, Operation, Schedule } from './schedule.ts';
import { zbv } from './zbv.ts';

export const scheduleNames = ['gpipe', '1f1b', 'interleaved-1f1b', 'zb1p', 'zbv', 'dualpipe', 'dualpipev'] as const;

export type ScheduleName = (typeof scheduleNames)[number];

/** Which stages a rank holds, and which rank runs a stage of a micro-batch. */
interface Placement {
  readonly stages: (ranks: number) => number;
  readonly held: (rank: number, ranks: number) => readonly number[];
  readonly rankOf: (chunk: Chunk, ranks: number, microBatches: number) => number;
}

interface ScheduleKind {
  readonly placement: Placement;
  /** What it takes, in words; null: any numbers. */
  readonly rule: string | null;
  readonly accepts: (ranks: number, microBatches: number) => boolean;
  readonly operations: (rank: number, microBatches: number, ranks: number) => Operation[];
}

const oneStage: Placement = {
  stages: (ranks) => ranks,
  held: (rank) => [rank],
  rankOf: ({ stage }) => stage,
};

/** Stages dealt out in turns: r and P + r. */
const inTurns: Placement = {
  stages: (ranks) => 2 * ranks,
  held: (rank, ranks) => [rank, ranks + rank],
  rankOf: ({ stage }, ranks) => stage % ranks,
};

/** Down and up again: r and 2P-1-r. */
const inAV: Placement = {
  stages: (ranks) => 2 * ranks,
  held: (rank, ranks) => [rank, 2 * ranks - 1 - rank],
  rankOf: ({ stage }, ranks) => Math.min(stage, 2 * ranks - 1 - stage),
};

/** Two copies of the model, in opposite directions; the second half of the micro-batches takes the second. */
const fromBothEnds: Placement = {
  stages: (ranks) => ranks,
  held: (rank, ranks) => [rank, ranks - 1 - rank],
  rankOf: ({ stage, microBatch }, ranks, microBatches) => (microBatch < microBatches / 2 ? stage : ranks - 1 - stage),
};

const any = { rule: null, accepts: () => true };

const kinds: Readonly<Record<ScheduleName, ScheduleKind>> = {
  gpipe: { placement: oneStage, ...any, operations: gpipe },
  '1f1b': { placement: oneStage, ...any, operations: oneForwardOneBackward },
  'interleaved-1f1b': {
    placement: inTurns,
    rule: 'micro-batches in whole rounds: a multiple of floor(micro-batches / ranks)',
    accepts: (ranks, microBatches) => hasWholeRounds(microBatches, ranks),
    operations: interleaved,
  },
  zb1p: { placement: oneStage, ...any, operations: zb1p },
  zbv: { placement: inAV, ...any, operations: zbv },
  dualpipe: {
    placement: fromBothEnds,
    rule: 'an even number of ranks, and an even number of micro-batches, at least twice as many as ranks',
    accepts: (ranks, microBatches) => ranks % 2 === 0 && microBatches % 2 === 0 && microBatches >= 2 * ranks,
    operations: dualpipe,
  },
  dualpipev: {
    placement: inAV,
    rule: 'at least twice as many micro-batches as ranks',
    accepts: (ranks, microBatches) => microBatches >= 2 * ranks,
    operations: dualpipeV,
  },
};

/** The schedule called `name`; an unknown name is a `UserError` that offers the nearest one. */
export function parseScheduleName(name: string): ScheduleName {
  const found = scheduleNames.find((candidate) => candidate === name);
  if (found !== undefined) return found;
  const known = scheduleNames.join(', ');
  throw new UserError(
    `schedule: there is no schedule ${JSON.stringify(name)}; did you mean ${closest(name, scheduleNames)}? Schedules: ${known}`,
  );
}

/** Stages into which a schedule cuts the model; those of DualPipe are held twice. */
export function stagesOf(name: ScheduleName, ranks: number): number {
  return kinds[name].placement.stages(ranks);
}

/** The most ranks and micro-batches that are planned: enough for any cluster, and few enough to be laid out at once. */
const mostRanks = 1024;
const mostOperations = 2_000_000;

/**
 * What every rank does in one training step of a pipeline.
 *
 * @throws {UserError} for numbers that the schedule does not take, with the nearest that it takes
 */
export function createSchedule(name: ScheduleName, ranks: number, microBatches: number): Schedule {
  const { placement, operations } = checkedKind(name, ranks, microBatches);
  return {
    name,
    ranks,
    microBatches,
    stages: placement.stages(ranks),
    held: range(ranks).map((rank) => placement.held(rank, ranks)),
    rankOf: (chunk) => placement.rankOf(chunk, ranks, microBatches),
    operations: range(ranks).map((rank) => operations(rank, microBatches, ranks)),
  };
}

function checkedKind(name: ScheduleName, ranks: number, microBatches: number): ScheduleKind {
  for (const [what, value] of [
    ['ranks', ranks],
    ['micro-batches', microBatches],
  ] as const) {
    if (Number.isSafeInteger(value) && value >= 1) continue;
    throw new UserError(`schedule: ${what}: expected a whole number from 1 on, found ${value}`);
  }
  if (ranks > mostRanks) throw new UserError(`schedule: ${ranks} ranks are too many; at most ${mostRanks} are planned`);
  if (ranks * microBatches > mostOperations)
    throw new UserError(
      `schedule: ${microBatches} micro-batches are too many for ${ranks} ranks; ` +
        `at most ${Math.floor(mostOperations / ranks)} are planned`,
    );
  const kind = kinds[name];
  if (kind.accepts(ranks, microBatches)) return kind;
  const nearest = nearestAccepted(kind, ranks, microBatches);
  throw new UserError(
    `schedule: ${name} takes ${kind.rule}; found ${ranks} ranks and ${microBatches} micro-batches, ` +
      `try ${nearest.ranks} and ${nearest.microBatches}`,
  );
}

/** The number of micro-batches nearest to the wanted one that a schedule takes; the wanted one if it takes none. */
export function nearestMicroBatches(name: ScheduleName, ranks: number, wanted: number): number {
  return nearestWith(kinds[name], ranks, wanted) ?? wanted;
}

/** The nearest numbers that work: the same ranks if any number of micro-batches goes with them, else one more. */
function nearestAccepted(kind: ScheduleKind, ranks: number, microBatches: number) {
  for (const tried of [ranks, ranks + 1]) {
    const found = nearestWith(kind, tried, microBatches);
    if (found !== null) return { ranks: tried, microBatches: found };
  }
  throw new Error(`internal: a schedule takes neither ${ranks} nor ${ranks + 1} ranks`);
}

function nearestWith(kind: ScheduleKind, ranks: number, microBatches: number): number | null {
  for (let distance = 0; distance <= microBatches + 2 * ranks; distance++) {
    for (const candidate of [microBatches + distance, microBatches - distance]) {
      if (candidate >= 1 && kind.accepts(ranks, candidate)) return candidate;
    }
  }
  return null;
}
