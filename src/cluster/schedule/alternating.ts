// The schedules in which a rank fills the pipeline and then alternates: one forward pass, one backward pass.
//
// They differ in how many forward passes come first, in how many stages a rank holds, and in whether the weights'
// half of a backward pass is put off. Stages are dealt out in turns: rank r of P holds stages r, r + P, r + 2P, ...

import { range } from './range.ts';
import type { Chunk, Operation } from './schedule.ts';

interface Alternation {
  /** The n-th forward and backward pass of the rank. */
  readonly forward: (n: number) => Chunk;
  readonly backward: (n: number) => Chunk;
  /** Forward passes of the rank, of all stages and micro-batches. */
  readonly passes: number;
  /** Forward passes before the first backward pass. */
  readonly warmup: number;
  /** How many backward passes later the weights' half comes; null: the backward pass is not split. */
  readonly weightsLater: number | null;
}

function alternate({ forward, backward, passes, warmup, weightsLater }: Alternation): Operation[] {
  const isSplit = weightsLater !== null;
  const forwards = (from: number, to: number): Operation[] =>
    range(passes)
      .slice(from, to)
      .map((n) => ({ kind: 'forward', ...forward(n) }));
  const weights = (n: number): Operation => ({ kind: 'backwardWeight', ...backward(n) });
  const turns = range(passes).flatMap((n): Operation[] => [
    ...forwards(warmup + n, warmup + n + 1),
    { kind: isSplit ? 'backwardInput' : 'backward', ...backward(n) },
    ...(isSplit && n >= weightsLater ? [weights(n - weightsLater)] : []),
  ]);
  const left = isSplit
    ? range(passes)
        .slice(Math.max(0, passes - weightsLater))
        .map(weights)
    : [];
  return [...forwards(0, warmup), ...turns, ...left];
}

const stageOf = (rank: number): Pick<Alternation, 'forward' | 'backward'> => ({
  forward: (microBatch) => ({ stage: rank, microBatch }),
  backward: (microBatch) => ({ stage: rank, microBatch }),
});

/**
 * 1F1B (PipeDream-Flush, arXiv:2006.09503): backward passes begin as soon as they can, so that rank r of P keeps the
 * activations of P - r micro-batches instead of all.
 */
export function oneForwardOneBackward(rank: number, microBatches: number, ranks: number): Operation[] {
  const warmup = Math.min(ranks - 1 - rank, microBatches);
  return alternate({ ...stageOf(rank), passes: microBatches, warmup, weightsLater: null });
}

/**
 * ZB1P (arXiv:2401.10241 section 2.3, "ZB-H1"): as 1F1B, with the weights' half of the backward pass put off by as many
 * turns as the rank is far from the first, so that the gradients of the inputs leave earlier and every rank keeps the
 * activations of P micro-batches.
 */
export function zb1p(rank: number, microBatches: number, ranks: number): Operation[] {
  const warmup = Math.min(ranks - 1 - rank, microBatches);
  return alternate({ ...stageOf(rank), passes: microBatches, warmup, weightsLater: rank });
}

/** Stages that a rank holds in `interleaved-1f1b`. */
export const interleavedStages = 2;

/** Micro-batches that go through one stage of a rank before the next of its stages has its turn. */
function microBatchesPerRound(microBatches: number, ranks: number): number {
  return microBatches / Math.max(1, Math.floor(microBatches / ranks));
}

/**
 * Whether the micro-batches come in whole rounds: the rule of PyTorch, which is milder than a multiple of the ranks.
 */
export function hasWholeRounds(microBatches: number, ranks: number): boolean {
  return Number.isInteger(microBatchesPerRound(microBatches, ranks));
}

/**
 * Interleaved 1F1B (arXiv:2104.04473 section 2.2) with two stages a rank. As in PyTorch's `ScheduleInterleaved1F1B`,
 * the number of micro-batches need not be a multiple of the ranks.
 */
export function interleaved(rank: number, microBatches: number, ranks: number): Operation[] {
  const perRound = microBatchesPerRound(microBatches, ranks);
  const passes = interleavedStages * microBatches;
  const chunk = (n: number, isBackward: boolean): Chunk => {
    const turn = Math.floor(n / perRound);
    const local = turn % interleavedStages;
    const round = Math.floor(turn / interleavedStages);
    return {
      stage: (isBackward ? interleavedStages - 1 - local : local) * ranks + rank,
      microBatch: round * perRound + (n % perRound),
    };
  };
  const warmup = (interleavedStages - 1) * perRound + 2 * (ranks - 1 - rank);
  return alternate({
    forward: (n) => chunk(n, false),
    backward: (n) => chunk(n, true),
    passes,
    warmup: Math.min(warmup, passes),
    weightsLater: null,
  });
}
