// Which rows of which tokens go to which expert: the plan that products of routed experts follow.
// Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import { cutIntoBlocks, groupsLength, offsetsOf, sumCounts } from './grouped';
import { ExpertsJob, findPlan } from './job';
import { ARGUMENTS } from '../shared/threads';

/** Numbers (of 32 bits) that the plan of `rows` rows takes: groups, then `tokens`, `slots` and `rowOf`. */
export function planLength(rows: i32, experts: i32): i32 {
  return 3 * rows + groupsLength(rows, experts);
}

/**
 * Sorts rows by expert, tokens in order within each: a counting sort, on the calling thread, because it takes
 * microseconds.
 *
 * Returns whether all indices name an expert; the plan is of no use otherwise.
 * Shapes: indices [N, K], plan [planLength].
 */
export function planExperts(indices: usize, plan: usize, N: i32, K: i32, E: i32): bool {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  job.N = N;
  job.K = K;
  findPlan(job, plan);
  const next = offsetsOf(job.groups); // of each expert its offset, then the row to fill next
  memory.fill(next, 0, (<usize>(E + 1)) << 2);
  for (let i: usize = 0; i < (<usize>(N * K)) << 2; i += 4) {
    const expert = load<u32>(indices + i);
    if (expert >= <u32>E) return false;
    const count = next + ((<usize>expert) << 2);
    store<i32>(count, load<i32>(count, 4) + 1, 4);
  }
  sumCounts(job.groups, E);
  cutIntoBlocks(job.groups, E);
  let slot = 0;
  for (let token = 0; token < N; token++) {
    for (let k = 0; k < K; k++, slot++) {
      const at = next + ((<usize>load<i32>(indices + ((<usize>slot) << 2))) << 2);
      const row = load<i32>(at);
      store<i32>(at, row + 1);
      store<i32>(job.tokens + ((<usize>row) << 2), token);
      store<i32>(job.slots + ((<usize>row) << 2), slot);
      store<i32>(job.rowOf + ((<usize>slot) << 2), row);
    }
  }
  // Each offset has moved to that of the next expert.
  memory.copy(next + 4, next, (<usize>E) << 2);
  store<i32>(next, 0);
  return true;
}
