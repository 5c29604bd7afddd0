// Routed experts: each token goes to K experts, a SwiGLU each, and gets the sum of what they return, times its gates.
//
// Nothing is padded and no token is dropped. Rows are (token, slot) pairs sorted by expert; they are never copied
// together: products read the rows of x and dy by index. The gate commutes with the down projection, so it is part of
// the activation. Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden
// size.

import { blockAt, blockCount, multiplyColumns } from './grouped';
import { combineToken, describeExperts, ExpertsJob } from './job';
import { sigmoid1, sigmoid4 } from '../shared/simd';
import { ARGUMENTS, run } from '../shared/threads';

/**
 * Shapes: x and out [N, D], gates [N, K], gateUp [E, 2F, D], down [E, D, F], plan of `planExperts`; h [M, 2F] and
 * act [M, F] are for the gradient; `rows` [M, D] is workspace.
 */
export function routedExperts(
  x: usize,
  gates: usize,
  gateUp: usize,
  down: usize,
  plan: usize,
  h: usize,
  act: usize,
  rows: usize,
  out: usize,
  N: i32,
  K: i32,
  E: i32,
  D: i32,
  F: i32,
): void {
  const job = describeExperts(plan, N, K, E, D, F);
  job.x = x;
  job.gates = gates;
  job.gateUp = gateUp;
  job.down = down;
  job.h = h;
  job.act = act;
  job.rows = rows;
  job.out = out;
  const blocks = blockCount(job.groups);
  run(gateUpChunk, blocks * job.chunksF);
  run(downChunk, blocks * job.chunksD);
  run(combineChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

/** `act` of `routedExperts` again, from its h. Shapes: as there. */
export function activateExperts(
  gates: usize,
  plan: usize,
  h: usize,
  act: usize,
  N: i32,
  K: i32,
  E: i32,
  D: i32,
  F: i32,
): void {
  const job = describeExperts(plan, N, K, E, D, F);
  job.gates = gates;
  job.h = h;
  job.act = act;
  run(activateChunk, blockCount(job.groups));
}

/** The activations of a block: whole rows give the bits of columns, which begin at multiples of eight. */
function activateChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk);
  const F = job.F;
  const width = (<usize>F) << 2;
  for (let row = block.begin; row < block.end; row++) {
    const factor = load<f32>(job.gates + ((<usize>load<i32>(job.slots + ((<usize>row) << 2))) << 2));
    activate(job.h + <usize>row * (width << 1), factor, job.act + <usize>row * width, F, F);
  }
}

/** Gate and up products of a block for some columns, and their activation while they are in the cache. */
function gateUpChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk / job.chunksF);
  const D = job.D;
  const F = job.F;
  const first = (chunk % job.chunksF) * job.columnsF;
  const last = min(F, first + job.columnsF);
  const gate = job.gateUp + ((<usize>block.expert * <usize>(2 * F) * <usize>D) << 2);
  const up = gate + ((<usize>F * <usize>D) << 2);
  const second = (<usize>F) << 2;
  const stride = second << 1;
  multiplyColumns(job.x, job.tokens, block, gate, true, F, D, first, last, job.h, stride);
  multiplyColumns(job.x, job.tokens, block, up, true, F, D, first, last, job.h + second, stride);
  const column = (<usize>first) << 2;
  for (let row = block.begin; row < block.end; row++) {
    const factor = load<f32>(job.gates + ((<usize>load<i32>(job.slots + ((<usize>row) << 2))) << 2));
    const h = job.h + <usize>row * stride + column;
    activate(h, factor, job.act + <usize>row * second + column, F, last - first);
  }
}

/** act = silu(h) * (h, F further on) * gate, for n columns. */
function activate(h: usize, gate: f32, act: usize, F: i32, n: i32): void {
  const up = h + ((<usize>F) << 2);
  let q: usize = 0;
  for (; q + 32 <= (<usize>n) << 2; q += 32) {
    const a = v128.load(h + q);
    const b = v128.load(h + q, 16);
    const ua = f32x4.mul(v128.load(up + q), f32x4.splat(gate));
    const ub = f32x4.mul(v128.load(up + q, 16), f32x4.splat(gate));
    // Both before either is stored: V8 does not join two stores that have a load between them.
    const ya = f32x4.mul(f32x4.mul(a, sigmoid4(a)), ua);
    const yb = f32x4.mul(f32x4.mul(b, sigmoid4(b)), ub);
    v128.store(act + q, ya);
    v128.store(act + q, yb, 16);
  }
  for (; q < (<usize>n) << 2; q += 4) {
    const a = load<f32>(h + q);
    store<f32>(act + q, a * sigmoid1(a) * (load<f32>(up + q) * gate));
  }
}

/** What a block's expert returns, for some columns. */
export function downChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk / job.chunksD);
  const D = job.D;
  const F = job.F;
  const first = (chunk % job.chunksD) * job.columnsD;
  const last = min(D, first + job.columnsD);
  const weight = job.down + ((<usize>block.expert * <usize>D * <usize>F) << 2);
  multiplyColumns(job.act, 0, block, weight, true, D, F, first, last, job.rows, (<usize>D) << 2);
}

/** Sums the rows of each token, in order of its slots. */
export function combineChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const end = min(job.N, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) combineToken(job, token);
}
