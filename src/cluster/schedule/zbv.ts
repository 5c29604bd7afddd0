// ZB-V (arXiv:2405.15362 section 3.2, "V-ZB"): two stages a rank in the shape of a V, weights' halves put off at the
// end.

import { range } from './range.ts';
import type { Operation, Pass } from './schedule.ts';

/**
 * What rank `rank` does; it holds stages `rank` ("down") and 2P-1-`rank` ("up"), so that the loss is where the input
 * is.
 *
 * Made for at least 2P-1 micro-batches; with fewer, those that are missing are left out, as PyTorch's
 * `ScheduleZBVZeroBubble` does.
 */
export function zbv(rank: number, microBatches: number, ranks: number): Operation[] {
  const planned = Math.max(2 * ranks - 1, microBatches);
  const [down, up] = [rank, 2 * ranks - 1 - rank];
  const operations: Operation[] = [];
  const counts = new Map<string, number>();
  const done = (kind: Pass, stage: number) => counts.get(`${kind} ${stage}`) ?? 0;
  const add = (kind: Pass, stage: number) => {
    const microBatch = done(kind, stage);
    counts.set(`${kind} ${stage}`, microBatch + 1);
    if (microBatch < microBatches) operations.push({ kind, stage, microBatch });
  };
  const backward = (stage: number) => {
    add('backwardInput', stage);
    add('backwardWeight', stage);
  };
  range(2 * (ranks - rank) - 1).forEach(() => {
    add('forward', down);
  });
  range(rank).forEach(() => {
    add('forward', up);
    add('forward', down);
  });
  range(ranks - rank).forEach(() => {
    add('forward', up);
    backward(up);
  });
  while (done('forward', up) < done('forward', down) || done('forward', down) < planned) {
    if (done('forward', down) < planned) add('forward', down);
    backward(down);
    add('forward', up);
    backward(up);
  }
  range(rank).forEach(() => {
    add('backwardInput', down);
    add('backwardInput', up);
  });
  range(ranks - rank).forEach(() => {
    add('backwardInput', down);
    add('backwardWeight', down);
  });
  for (const stage of [up, down]) {
    while (done('backwardWeight', stage) < done('backwardInput', stage)) add('backwardWeight', stage);
  }
  return operations;
}
