// GPipe (arXiv:1811.06965): all forward passes, then all backward passes.

import { range } from './range.ts';
import type { Operation } from './schedule.ts';

/** What rank `rank` does; PyTorch's `ScheduleGPipe` has the same order. */
export function gpipe(rank: number, microBatches: number): Operation[] {
  const every = range(microBatches);
  return [
    ...every.map((microBatch): Operation => ({ kind: 'forward', stage: rank, microBatch })),
    ...every.map((microBatch): Operation => ({ kind: 'backward', stage: rank, microBatch })),
  ];
}
