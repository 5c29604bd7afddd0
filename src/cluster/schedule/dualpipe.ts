// DualPipe (report 3.2.1, figure 5, and deepseek-ai/DualPipe, dualpipe.py) and DualPipeV (dualpipev.py there).
//
// Both are one list of eight steps. A rank holds two stages, and its passes belong to two directions, 0 and 1: in
// DualPipe those of micro-batches fed from the two ends, in DualPipeV those of a micro-batch on its way down the V (0)
// and up again (1). A forward pass of one direction and a backward pass of the other run side by side.

import { range } from './range.ts';
import type { Chunk, Operation } from './schedule.ts';

type Direction = 0 | 1;

interface Steps {
  /** The n-th micro-batch of a direction, at the stage that this rank has in it. */
  readonly chunk: (direction: Direction, n: number) => Chunk;
  /** Ranks over which the list is folded: P/2 in DualPipe, P in DualPipeV. */
  readonly half: number;
  /** Distance from the end of the list: 0 where micro-batches enter, half - 1 where the two directions meet. */
  readonly depth: number;
  /** Repetitions of the main step. */
  readonly main: number;
}

/** Writes operations down, and counts what each direction has done. */
function writer(chunk: Steps['chunk']) {
  const operations: Operation[] = [];
  const forwards = [0, 0];
  const backwards = [0, 0];
  const waiting: Chunk[] = []; // whose weights' half is still to be done, oldest first
  const next = (counts: number[], direction: Direction) => {
    const n = counts[direction]!;
    counts[direction] = n + 1;
    return chunk(direction, n);
  };
  return {
    operations,
    forward(direction: Direction) {
      operations.push({ kind: 'forward', ...next(forwards, direction) });
    },
    backward(direction: Direction) {
      operations.push({ kind: 'backward', ...next(backwards, direction) });
    },
    backwardInput(direction: Direction) {
      const one = next(backwards, direction);
      operations.push({ kind: 'backwardInput', ...one });
      waiting.push(one);
    },
    weights() {
      const one = waiting.shift();
      if (one !== undefined) operations.push({ kind: 'backwardWeight', ...one });
    },
    pair(forward: Direction, backward: Direction) {
      const [f, b] = [next(forwards, forward), next(backwards, backward)];
      operations.push({ kind: 'overlapped', forward: f, backward: b });
    },
  };
}

/** How often each of the eight steps is repeated. */
export function stepRepetitions({ half, depth, main }: Omit<Steps, 'chunk'>): readonly number[] {
  const toMiddle = half - depth - 1;
  return [2 * toMiddle, depth + 1, toMiddle, main, toMiddle, depth + 1, toMiddle, depth + 1];
}

function eightSteps({ chunk, half, depth, main }: Steps): Operation[] {
  const write = writer(chunk);
  const repetitions = stepRepetitions({ half, depth, main });
  const repeat = (step: number, what: (n: number) => void) => range(repetitions[step - 1]!).forEach(what);
  const isMiddle = depth === half - 1;
  repeat(1, () => write.forward(0));
  repeat(2, () => {
    write.forward(0);
    write.forward(1);
  });
  repeat(3, () => {
    write.backwardInput(1);
    write.weights();
    write.forward(1);
  });
  repeat(4, (n) => {
    if (n === 0 && isMiddle) {
      // Not side by side, which makes the bubble smaller: the backward pass follows on this rank's own forward pass.
      write.forward(0);
      write.backward(1);
    } else write.pair(0, 1);
    write.pair(1, 0);
  });
  repeat(5, () => {
    write.backward(1);
    write.pair(1, 0);
  });
  // From half-way on, the weights' halves are put off, to fill what would be the bubble at the end.
  const backward = (direction: Direction, isLate: boolean) =>
    isLate ? write.backwardInput(direction) : write.backward(direction);
  repeat(6, (n) => {
    backward(1, 2 * n >= depth + 1);
    backward(0, 2 * n >= depth);
  });
  repeat(7, () => {
    write.weights();
    write.backwardInput(0);
  });
  repeat(8, () => write.weights());
  return write.operations;
}

/**
 * What rank `rank` of an even number does. Stage s of the first half of the micro-batches is on rank s, and of the
 * second half, fed from the other end, on rank P-1-s.
 */
export function dualpipe(rank: number, microBatches: number, ranks: number): Operation[] {
  const fromEnd = ranks - 1 - rank;
  const isSecondHalf = rank > fromEnd;
  const each = microBatches / 2; // micro-batches from each end
  const depth = Math.min(rank, fromEnd);
  return eightSteps({
    // Ranks of the second half call the direction that enters at their own end 0.
    chunk: (direction, n) => {
      const isFromLast = (direction === 1) !== isSecondHalf;
      return { stage: isFromLast ? fromEnd : rank, microBatch: (isFromLast ? each : 0) + n };
    },
    half: ranks / 2,
    depth,
    main: each - ranks + depth + 1,
  });
}

/** What rank `rank` does; it holds stages `rank` and 2P-1-`rank`, of one copy of the model. */
export function dualpipeV(rank: number, microBatches: number, ranks: number): Operation[] {
  return eightSteps({
    chunk: (direction, n) => ({ stage: direction === 0 ? rank : 2 * ranks - 1 - rank, microBatch: n }),
    half: ranks,
    depth: rank,
    main: microBatches - 2 * ranks + rank + 1,
  });
}
