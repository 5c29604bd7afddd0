// Routed experts: each token goes to K experts, a SwiGLU each, and gets the sum of what they return, times its gates.
//
// Nothing is padded and no token is dropped. Rows are (token, slot) pairs sorted by expert; they are never copied together:
// products read the rows of x and dy by index. The gate commutes with the down projection, so it is part of the activation.
// Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import {
  blockAt,
  blockCount,
  cutIntoBlocks,
  groupsLength,
  multiplyRows,
  offsetsOf,
  prepareWeightGrad,
  sumCounts,
  WeightGrad,
  weightGradChunk,
} from './grouped';
import { horizontalSum, sigmoid1, sigmoid4 } from './simd';
import { siluSlope1, siluSlope4 } from './silu';
import { ARGUMENTS, run } from './threads';
import { NR } from './tile';

@unmanaged
class ExpertsJob {
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
  panelsF: i32;
  panelsD: i32;
  tokensPerChunk: i32;
  inputChunks: i32;
  downChunks: i32;
}

const DOWN_GRAD: usize = ARGUMENTS + 512;
const GATE_UP_GRAD: usize = ARGUMENTS + 768;

/** Elements of a chunk that sums rows by token. */
const CHUNK: i32 = 4096;

/** Numbers (of 32 bits) that the plan of `rows` rows takes: groups, then `tokens`, `slots` and `rowOf`. */
export function planLength(rows: i32, experts: i32): i32 {
  return 3 * rows + groupsLength(rows, experts);
}

/** Partial sums of a row's gate: one for eight columns, whatever the width of a panel. */
export function gateSumColumns(F: i32): i32 {
  return (F + 7) / 8;
}

function findPlan(job: ExpertsJob, plan: usize): void {
  const bytes = (<usize>(job.N * job.K)) << 2;
  job.tokens = plan;
  job.slots = plan + bytes;
  job.rowOf = plan + 2 * bytes;
  job.groups = plan + 3 * bytes;
}

/**
 * Sorts rows by expert, tokens in order within each: a counting sort, on the calling thread, because it takes microseconds.
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
  const job = describe(plan, N, K, E, D, F);
  job.x = x;
  job.gates = gates;
  job.gateUp = gateUp;
  job.down = down;
  job.h = h;
  job.act = act;
  job.rows = rows;
  job.out = out;
  const blocks = blockCount(job.groups);
  run(gateUpChunk, blocks * job.panelsF);
  run(downChunk, blocks * job.panelsD);
  run(combineChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

function describe(plan: usize, N: i32, K: i32, E: i32, D: i32, F: i32): ExpertsJob {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  job.N = N;
  job.K = K;
  job.E = E;
  job.D = D;
  job.F = F;
  job.panelsF = (F + NR - 1) / NR;
  job.panelsD = (D + NR - 1) / NR;
  job.tokensPerChunk = max(1, CHUNK / (K * D));
  findPlan(job, plan);
  return job;
}

/** Gate and up products of a block for one panel of columns, and their activation while they are in the cache. */
function gateUpChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk / job.panelsF);
  const D = job.D;
  const F = job.F;
  const j = (chunk % job.panelsF) * NR;
  const n = min(NR, F - j);
  const weight = job.gateUp + ((<usize>block.expert * <usize>(2 * F) * <usize>D) << 2);
  const h = job.h + ((<usize>j) << 2);
  const stride = (<usize>(2 * F)) << 2;
  multiplyRows(job.x, job.tokens, block.begin, block.end, weight, true, 0, D, j, n, h, stride);
  multiplyRows(job.x, job.tokens, block.begin, block.end, weight, true, 0, D, F + j, n, h + ((<usize>F) << 2), stride);
  for (let row = block.begin; row < block.end; row++) {
    const gate = load<f32>(job.gates + ((<usize>load<i32>(job.slots + ((<usize>row) << 2))) << 2));
    activate(h + <usize>row * stride, gate, job.act + ((<usize>row * <usize>F) << 2) + ((<usize>j) << 2), F, n);
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

/** What a block's expert returns, for one panel of columns. */
function downChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk / job.panelsD);
  const D = job.D;
  const F = job.F;
  const j = (chunk % job.panelsD) * NR;
  const n = min(NR, D - j);
  const weight = job.down + ((<usize>block.expert * <usize>D * <usize>F) << 2);
  const rows = job.rows + ((<usize>j) << 2);
  multiplyRows(job.act, 0, block.begin, block.end, weight, true, 0, F, j, n, rows, (<usize>D) << 2);
}

/** Sums the rows of each token, in order of its slots. */
function combineChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const end = min(job.N, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) combineToken(job, token);
}

function combineToken(job: ExpertsJob, token: i32): void {
  const bytes = (<usize>job.D) << 2;
  const rowOf = job.rowOf + ((<usize>(token * job.K)) << 2);
  const last = (<usize>job.K) << 2;
  const out = job.out + <usize>token * bytes;
  let at: usize = 0;
  for (; at + 64 <= bytes; at += 64) {
    let a = f32x4.splat(0);
    let b = f32x4.splat(0);
    let c = f32x4.splat(0);
    let d = f32x4.splat(0);
    for (let k: usize = 0; k < last; k += 4) {
      const from = job.rows + <usize>load<i32>(rowOf + k) * bytes + at;
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
    for (let k: usize = 0; k < last; k += 4) sum += load<f32>(job.rows + <usize>load<i32>(rowOf + k) * bytes + at);
    store<f32>(out + at, sum);
  }
}

/**
 * Shapes: dy and dx [N, D], dGates [N, K], dGateUp as gateUp, dDown as down; dh [M, 2F], `gateSums` [M, gateSumColumns]
 * and `rows` [M, D] are workspace; the others as in `routedExperts`.
 */
export function routedExpertsGrad(
  x: usize,
  gates: usize,
  gateUp: usize,
  down: usize,
  plan: usize,
  h: usize,
  act: usize,
  dy: usize,
  dx: usize,
  dGates: usize,
  dGateUp: usize,
  dDown: usize,
  dh: usize,
  gateSums: usize,
  rows: usize,
  N: i32,
  K: i32,
  E: i32,
  D: i32,
  F: i32,
): void {
  const job = describe(plan, N, K, E, D, F);
  job.gates = gates;
  job.gateUp = gateUp;
  job.down = down;
  job.h = h;
  job.dy = dy;
  job.out = dx;
  job.dGates = dGates;
  job.dh = dh;
  job.gateSums = gateSums;
  job.rows = rows;
  const blocks = blockCount(job.groups);
  run(activationGradChunk, blocks * job.panelsF);
  const M = N * K;
  const tokens = job.tokens;
  const downGrad = changetype<WeightGrad>(DOWN_GRAD);
  const gateUpGrad = changetype<WeightGrad>(GATE_UP_GRAD);
  job.inputChunks = blocks * job.panelsD;
  job.downChunks = prepareWeightGrad(downGrad, dy, tokens, act, 0, dDown, job.groups, M, E, D, F);
  const gateUpChunks = prepareWeightGrad(gateUpGrad, dh, 0, x, tokens, dGateUp, job.groups, M, E, 2 * F, D);
  run(productGradsChunk, job.inputChunks + job.downChunks + gateUpChunks);
  run(combineGradChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

/** The gradient of a block's activations for one panel of columns; from it those of gate, up and the token's gate. */
function activationGradChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk / job.panelsF);
  const D = job.D;
  const F = job.F;
  const j = (chunk % job.panelsF) * NR;
  const n = min(NR, F - j);
  const weight = job.down + ((<usize>block.expert * <usize>D * <usize>F) << 2);
  const dh = job.dh + ((<usize>j) << 2);
  const stride = (<usize>(2 * F)) << 2;
  multiplyRows(job.dy, job.tokens, block.begin, block.end, weight, false, F, D, j, n, dh, stride);
  for (let row = block.begin; row < block.end; row++) {
    const gate = load<f32>(job.gates + ((<usize>load<i32>(job.slots + ((<usize>row) << 2))) << 2));
    const offset = <usize>row * stride;
    const sums = job.gateSums + ((<usize>row * <usize>gateSumColumns(F) + <usize>(j / 8)) << 2);
    activationGrad(job.h + ((<usize>j) << 2) + offset, dh + offset, gate, sums, F, n);
  }
}

/**
 * With d, the gradient of the activations, at `dh`: replaces it by that of h, writes that of up F further on, and sums
 * d * silu(h) * up over each eight of n columns.
 */
function activationGrad(h: usize, dh: usize, gate: f32, sums: usize, F: i32, n: i32): void {
  const second = (<usize>F) << 2;
  const gates = f32x4.splat(gate);
  const end = (<usize>n) << 2;
  let q: usize = 0;
  for (; q + 32 <= end; q += 32, sums += 4) {
    const a = v128.load(h + q);
    const b = v128.load(h + q, 16);
    const ua = v128.load(h + second + q);
    const ub = v128.load(h + second + q, 16);
    const da = v128.load(dh + q);
    const db = v128.load(dh + q, 16);
    const sa = sigmoid4(a);
    const sb = sigmoid4(b);
    const va = f32x4.mul(da, f32x4.mul(a, sa));
    const vb = f32x4.mul(db, f32x4.mul(b, sb));
    v128.store(dh + second + q, f32x4.mul(va, gates));
    v128.store(dh + second + q, f32x4.mul(vb, gates), 16);
    v128.store(dh + q, f32x4.mul(f32x4.mul(f32x4.mul(da, ua), gates), siluSlope4(a, sa)));
    v128.store(dh + q, f32x4.mul(f32x4.mul(f32x4.mul(db, ub), gates), siluSlope4(b, sb)), 16);
    store<f32>(sums, horizontalSum(f32x4.add(f32x4.mul(va, ua), f32x4.mul(vb, ub))));
  }
  if (q == end) return;
  let sum: f32 = 0;
  for (; q < end; q += 4) {
    const a = load<f32>(h + q);
    const u = load<f32>(h + second + q);
    const d = load<f32>(dh + q);
    const s = sigmoid1(a);
    const v = d * (a * s);
    sum += v * u;
    store<f32>(dh + second + q, v * gate);
    store<f32>(dh + q, d * u * gate * siluSlope1(a, s));
  }
  store<f32>(sums, sum);
}

/** Gradients that are products, which do not depend on each other: of the rows of x, of `down` and of `gateUp`. */
function productGradsChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const weightChunk = chunk - job.inputChunks;
  if (weightChunk < 0) inputGradChunk(job, chunk);
  else if (weightChunk < job.downChunks) weightGradChunk(changetype<WeightGrad>(DOWN_GRAD), weightChunk);
  else weightGradChunk(changetype<WeightGrad>(GATE_UP_GRAD), weightChunk - job.downChunks);
}

function inputGradChunk(job: ExpertsJob, chunk: i32): void {
  const block = blockAt(job.groups, job.E, chunk / job.panelsD);
  const D = job.D;
  const k = 2 * job.F;
  const j = (chunk % job.panelsD) * NR;
  const n = min(NR, D - j);
  const weight = job.gateUp + ((<usize>block.expert * <usize>k * <usize>D) << 2);
  const rows = job.rows + ((<usize>j) << 2);
  multiplyRows(job.dh, 0, block.begin, block.end, weight, false, D, k, j, n, rows, (<usize>D) << 2);
}

/** Sums by token the gradients of rows, and by row those of gates. */
function combineGradChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const columns = (<usize>gateSumColumns(job.F)) << 2;
  const end = min(job.N, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) {
    combineToken(job, token);
    for (let slot = token * job.K; slot < (token + 1) * job.K; slot++) {
      const row = load<i32>(job.rowOf + ((<usize>slot) << 2));
      const sums = job.gateSums + <usize>row * columns;
      let sum: f32 = 0;
      for (let p: usize = 0; p < columns; p += 4) sum += load<f32>(sums + p);
      store<f32>(job.dGates + ((<usize>slot) << 2), sum);
    }
  }
}
