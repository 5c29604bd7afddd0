// The gradient of `routed-experts`. The gates' come out of the same products as the activations': a gate's gradient is
// the sum over columns of d * silu(h) * up, where d is that of the activation before it is multiplied by the gate.
// Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import {
  blockAt,
  blockCount,
  multiplyColumns,
  packGradChunk,
  prepareWeightGrad,
  WeightGrad,
  weightGradChunk,
} from './grouped';
import { combineToken, describeExperts, ExpertsJob } from './job';
import { siluSlope1, siluSlope4 } from '../shared/silu';
import { horizontalSum, sigmoid1, sigmoid4 } from '../shared/simd';
import { ARGUMENTS, run } from '../shared/threads';

export const DOWN_GRAD: usize = ARGUMENTS + 512;
export const GATE_UP_GRAD: usize = ARGUMENTS + 768;

/** Partial sums of a row's gate: one for eight columns, whatever the width of a panel. */
export function gateSumColumns(F: i32): i32 {
  return (F + 7) / 8;
}

/**
 * Shapes: dy and dx [N, D], dGates [N, K], dGateUp as gateUp, dDown as down; dh [M, 2F], `gateSums` [M, gateSumColumns]
 * , `rows` [M, D], `packedDy` and `packedDh` (`packedLength` of M rows of D and of 2F) are workspace; the others as in
 * `routedExperts`.
 *
 * In two halves: with dDown (and dGateUp) 0 it makes dx, dGates and dh; with dx (and dGates) 0 the other two, from that
 * dh.
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
  packedDy: usize,
  packedDh: usize,
  N: i32,
  K: i32,
  E: i32,
  D: i32,
  F: i32,
): void {
  const job = describeExperts(plan, N, K, E, D, F);
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
  if (dx) run(activationGradChunk, blocks * job.chunksF);
  const M = N * K;
  const tokens = job.tokens;
  const downGrad = changetype<WeightGrad>(DOWN_GRAD);
  const gateUpGrad = changetype<WeightGrad>(GATE_UP_GRAD);
  job.inputChunks = dx ? blocks * job.chunksD : 0;
  let weightChunks = 0;
  if (dDown) {
    job.downChunks = prepareWeightGrad(downGrad, dy, tokens, act, 0, dDown, job.groups, packedDy, M, E, D, F);
    const gateUpChunks = prepareWeightGrad(gateUpGrad, dh, 0, x, tokens, dGateUp, job.groups, packedDh, M, E, 2 * F, D);
    weightChunks = job.downChunks + gateUpChunks;
    run(packGradsChunk, E * (downGrad.slices + gateUpGrad.slices));
  }
  run(productGradsChunk, job.inputChunks + weightChunks);
  if (dx) run(combineGradChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

/** The gradient of a block's activations for some columns; from it those of gate, up and the token's gate. */
function activationGradChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk / job.chunksF);
  const F = job.F;
  const first = (chunk % job.chunksF) * job.columnsF;
  const last = min(F, first + job.columnsF);
  const weight = job.down + ((<usize>block.expert * <usize>job.D * <usize>F) << 2);
  const stride = (<usize>(2 * F)) << 2;
  multiplyColumns(job.dy, job.tokens, block, weight, false, F, job.D, first, last, job.dh, stride);
  const column = (<usize>first) << 2;
  for (let row = block.begin; row < block.end; row++) {
    const gate = load<f32>(job.gates + ((<usize>load<i32>(job.slots + ((<usize>row) << 2))) << 2));
    const offset = <usize>row * stride + column;
    const sums = job.gateSums + ((<usize>row * <usize>gateSumColumns(F) + <usize>(first / 8)) << 2);
    activationGrad(job.h + offset, job.dh + offset, gate, sums, F, last - first);
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

/** Copies the left-hand matrices of the weights' gradients. */
function packGradsChunk(chunk: i32): void {
  const downGrad = changetype<WeightGrad>(DOWN_GRAD);
  const downChunks = changetype<ExpertsJob>(ARGUMENTS).E * downGrad.slices;
  if (chunk < downChunks) packGradChunk(downGrad, chunk);
  else packGradChunk(changetype<WeightGrad>(GATE_UP_GRAD), chunk - downChunks);
}

/** Gradients that are products, which do not depend on each other: of the rows of x, of `down` and of `gateUp`. */
export function productGradsChunk(chunk: i32): void {
  const job = changetype<ExpertsJob>(ARGUMENTS);
  const weightChunk = chunk - job.inputChunks;
  if (weightChunk < 0) inputGradChunk(job, chunk);
  else if (weightChunk < job.downChunks) weightGradChunk(changetype<WeightGrad>(DOWN_GRAD), weightChunk);
  else weightGradChunk(changetype<WeightGrad>(GATE_UP_GRAD), weightChunk - job.downChunks);
}

function inputGradChunk(job: ExpertsJob, chunk: i32): void {
  const block = blockAt(job.groups, job.E, chunk / job.chunksD);
  const D = job.D;
  const k = 2 * job.F;
  const first = (chunk % job.chunksD) * job.columnsD;
  const last = min(D, first + job.columnsD);
  const weight = job.gateUp + ((<usize>block.expert * <usize>k * <usize>D) << 2);
  multiplyColumns(job.dh, 0, block, weight, false, D, k, first, last, job.rows, (<usize>D) << 2);
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
