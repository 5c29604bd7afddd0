// What the plan, the forward pass and the gradient of routed experts share.
// Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import { blockCount, chunksOf, columnsPerChunk } from './grouped';
import { ARGUMENTS } from '../shared/threads';

@unmanaged
export class ExpertsJob {
  x: usize;
  gates: usize;
  gateUp: usize;
  down: usize;
  /** Gate and up products of each row [M, 2F]. */
  h: usize;
  /** Activations times gates [M, F]. */
  act: usize;
  /** What the experts return for each row, or the gradient of its input [M, D]. */
  rows: usize;
  out: usize;
  dy: usize;
  dh: usize;
  /** Gradient of each row's gate, in sums over eight columns [M, gateSumColumns]. */
  gateSums: usize;
  dGates: usize;
  groups: usize;
  /** Token of each row [M]. */
  tokens: usize;
  /** Token * K + slot of each row [M]. */
  slots: usize;
  /** Row of each (token, slot) [M]. */
  rowOf: usize;
  N: i32;
  K: i32;
  E: i32;
  D: i32;
  F: i32;
  /** Columns of F and of D that a chunk takes, and the chunks of a block. */
  columnsF: i32;
  columnsD: i32;
  chunksF: i32;
  chunksD: i32;
  tokensPerChunk: i32;
  inputChunks: i32;
  downChunks: i32;
}

/** Elements of a chunk that sums rows by token. */
const CHUNK: i32 = 4096;

/** What a pass over a plan begins with. */
export function describeExperts(plan: usize, N: i32, K: i32, E: i32, D: i32, F: i32): ExpertsJob {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  job.N = N;
  job.K = K;
  job.E = E;
  job.D = D;
  job.F = F;
  job.tokensPerChunk = max(1, CHUNK / (K * D));
  findPlan(job, plan);
  const blocks = blockCount(job.groups);
  job.columnsF = columnsPerChunk(blocks, F);
  job.columnsD = columnsPerChunk(blocks, D);
  job.chunksF = chunksOf(F, job.columnsF);
  job.chunksD = chunksOf(D, job.columnsD);
  return job;
}

/** Where the parts of a plan for N and K are. */
export function findPlan(job: ExpertsJob, plan: usize): void {
  const bytes = (<usize>(job.N * job.K)) << 2;
  job.tokens = plan;
  job.slots = plan + bytes;
  job.rowOf = plan + 2 * bytes;
  job.groups = plan + 3 * bytes;
}

/** out[token] = the sum of its rows, in order of its slots. */
export function combineToken(job: ExpertsJob, token: i32): void {
  const rowOf = job.rowOf + ((<usize>(token * job.K)) << 2);
  sumRows(job.rows, rowOf, job.K, job.out + ((<usize>token * <usize>job.D) << 2), job.D);
}

/** out = the sum of K of the rows of a matrix [.., D], in order of their list. */
export function sumRows(matrix: usize, list: usize, K: i32, out: usize, D: i32): void {
  const bytes = (<usize>D) << 2;
  const last = (<usize>K) << 2;
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (let k: usize = 0; k < last; k += 4) {
      const from = matrix + <usize>load<i32>(list + k) * bytes + at;
      a = f32x4.add(a, v128.load(from));
      b = f32x4.add(b, v128.load(from, 16));
      c = f32x4.add(c, v128.load(from, 32));
      d = f32x4.add(d, v128.load(from, 48));
    }
    v128.store(out + at, a);
    v128.store(out + at, b, 16);
    v128.store(out + at, c, 32);
    v128.store(out + at, d, 48);
  }
  for (; at < bytes; at += 4) {
    let sum: f32 = 0;
    for (let k: usize = 0; k < last; k += 4) sum += load<f32>(matrix + <usize>load<i32>(list + k) * bytes + at);
    store<f32>(out + at, sum);
  }
}
