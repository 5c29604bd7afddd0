// The gradients of routed experts whose products are of 8-bit operands.
//
// Three jobs that round and differentiate, slice by slice of the rows of an expert, stand before products that read
// what they made: dy; then the gradients of gate and up with x. Tiles that lie down the tokens begin at an expert's
// first row. Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size, F expert hidden size.

import { codedRow, decodeRow, roundRow, roundTurned } from './tiles';
import { Format, setFormat } from './round';
import {
  blockAt,
  blockCount,
  multiplyColumns,
  offsetsOf,
  packGradChunk,
  prepareWeightGrad,
  WeightGrad,
} from '../experts/grouped';
import { describeExperts, ExpertsJob, sumRows } from '../experts/job';
import { DOWN_GRAD, GATE_UP_GRAD, productGradsChunk } from '../experts/routed-gradient';
import { SLICE } from '../gemm/pack-left';
import { describeBlocks, QuantizeJob, quantizeChunk } from '../quantize';
import { sumOfRow } from '../reduce/reduce';
import { siluSlope1, siluSlope4 } from '../shared/silu';
import { sigmoid1, sigmoid4 } from '../shared/simd';
import { ARGUMENTS, run, scratch, SCRATCH_BYTES } from '../shared/threads';

@unmanaged
class GradientJob extends ExpertsJob {
  codedX: usize;
  codedAct: usize;
  /** dy in tiles along the channels [N, D]. */
  dy8: usize;
  /** The gradients of the activations [M, F], and of gate and up [M, 2F]. */
  dAct: usize;
  dh32: usize;
  /** Operands of the weights' gradients, in tiles down the rows of an expert. */
  dyTurned: usize;
  actTurned: usize;
  xTurned: usize;
  rowsPerChunk: i32;
  rowChunks: i32;
  /** Slices of the rows of all experts, and chunks of the blocks of gateUp. */
  slices: i32;
  blockChunks: i32;
}

/** Elements of a chunk of rows. */
const CHUNK: i32 = 4096;
const GATE_UP: usize = ARGUMENTS + 1280;
const DOWN: usize = ARGUMENTS + 1408;
const GRADIENTS: usize = ARGUMENTS + 1024;
const ACTIVATIONS: usize = ARGUMENTS + 1056;

/**
 * Shapes: what `fp8Experts` left; dy and dx [N, D], dGates [N, K], dGateUp as gateUp, dDown as down. Workspace: gateUp8
 * and down8 as these, dy8 [N, D], dAct and actTurned [M, F], dh32 and dh8 [M, 2F], dyTurned and xTurned [M, D],
 * gateSums [M], packedDy [packedLength(M, D)], packedDh [packedLength(M, 2F)]. The format of the weights' blocks comes
 * first, then that of dy and dh, which are rounded in tiles. Without codedAct, which is 0, the activations are in
 * actTurned.
 */
export function fp8ExpertsGrad(
  gates: usize,
  gateUp: usize,
  down: usize,
  plan: usize,
  h: usize,
  codedX: usize,
  codedAct: usize,
  dy: usize,
  dx: usize,
  dGates: usize,
  dGateUp: usize,
  dDown: usize,
  gateUp8: usize,
  down8: usize,
  dy8: usize,
  dAct: usize,
  actTurned: usize,
  dh32: usize,
  dh8: usize,
  dyTurned: usize,
  xTurned: usize,
  gateSums: usize,
  packedDy: usize,
  packedDh: usize,
  N: i32,
  K: i32,
  E: i32,
  D: i32,
  F: i32,
  tileRows: i32,
  tileColumns: i32,
  mantissaBits: i32,
  minExponent: i32,
  largest: f32,
  gradientMantissaBits: i32,
  gradientMinExponent: i32,
  gradientLargest: f32,
): void {
  const job = changetype<GradientJob>(describeExperts(plan, N, K, E, D, F));
  const M = N * K;
  const gateUpBlocks = changetype<QuantizeJob>(GATE_UP);
  const downBlocks = changetype<QuantizeJob>(DOWN);
  setFormat(gateUpBlocks, mantissaBits, minExponent, largest);
  setFormat(downBlocks, mantissaBits, minExponent, largest);
  setFormat(changetype<Format>(GRADIENTS), gradientMantissaBits, gradientMinExponent, gradientLargest);
  setFormat(changetype<Format>(ACTIVATIONS), 3, -6, 448);
  job.gates = gates;
  job.gateUp = gateUp8;
  job.down = down8;
  job.h = h;
  job.dy = dy;
  job.out = dx;
  job.dGates = dGates;
  job.dh = dh8;
  job.gateSums = gateSums;
  job.rows = dyTurned; // which is packed before the gradients of rows are made
  job.codedX = codedX;
  job.codedAct = codedAct;
  job.dy8 = dy8;
  job.dAct = dAct;
  job.dh32 = dh32;
  job.dyTurned = dyTurned;
  job.actTurned = actTurned;
  job.xTurned = xTurned;
  job.rowsPerChunk = max(1, CHUNK / D);
  job.rowChunks = (N + job.rowsPerChunk - 1) / job.rowsPerChunk;
  const blocks = blockCount(job.groups);
  const downGrad = changetype<WeightGrad>(DOWN_GRAD);
  const gateUpGrad = changetype<WeightGrad>(GATE_UP_GRAD);
  job.inputChunks = blocks * job.chunksD;
  job.downChunks = prepareWeightGrad(downGrad, dyTurned, 0, actTurned, 0, dDown, job.groups, packedDy, M, E, D, F);
  const gateUpChunks = prepareWeightGrad(
    gateUpGrad,
    dh32,
    0,
    xTurned,
    0,
    dGateUp,
    job.groups,
    packedDh,
    M,
    E,
    2 * F,
    D,
  );
  job.slices = E * downGrad.slices;
  job.blockChunks = describeBlocks(gateUpBlocks, gateUp, gateUp8, E, 2 * F, D, tileRows, tileColumns);
  const downBlockChunks = describeBlocks(downBlocks, down, down8, E, D, F, tileRows, tileColumns);
  run(roundDyChunk, job.rowChunks + job.slices + job.blockChunks + downBlockChunks);
  run(activationChunk, blocks * job.chunksF);
  run(differentiateChunk, E * gateUpGrad.slices);
  run(productGradsChunk, job.inputChunks + job.downChunks + gateUpChunks);
  run(combineChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

/** Where a slice of the rows of an expert is. */
let sliceBegin: i32 = 0;
let sliceRows: i32 = 0;

function findSlice(job: GradientJob, slices: i32, chunk: i32): void {
  const offsets = offsetsOf(job.groups) + ((<usize>(chunk / slices)) << 2);
  sliceBegin = load<i32>(offsets) + (chunk % slices) * SLICE;
  sliceRows = min(SLICE, load<i32>(offsets, 4) - sliceBegin);
}

/**
 * dy along the channels, token by token; then down the rows of an expert, packed, and the activations that way; then
 * blocks of the weights.
 */
function roundDyChunk(chunk: i32): void {
  const job = changetype<GradientJob>(ARGUMENTS);
  const format = changetype<Format>(GRADIENTS);
  const stride = (<usize>job.D) << 2;
  if (chunk < job.rowChunks) {
    const end = min(job.N, (chunk + 1) * job.rowsPerChunk);
    for (let row = chunk * job.rowsPerChunk; row < end; row++) {
      roundRow(format, job.dy + <usize>row * stride, job.dy8 + <usize>row * stride, 0, job.D);
    }
    return;
  }
  const block = chunk - job.rowChunks - job.slices;
  if (block >= 0) {
    if (block < job.blockChunks) quantizeChunk(changetype<QuantizeJob>(GATE_UP), block);
    else quantizeChunk(changetype<QuantizeJob>(DOWN), block - job.blockChunks);
    return;
  }
  const grad = changetype<WeightGrad>(DOWN_GRAD);
  findSlice(job, grad.slices, chunk - job.rowChunks);
  if (sliceRows <= 0) return;
  const to = job.dyTurned + <usize>sliceBegin * stride;
  for (let r = 0; r < sliceRows; r++) {
    memory.copy(to + <usize>r * stride, job.dy + <usize>tokenOf(job, sliceBegin + r) * stride, stride);
  }
  roundTurned(format, to, stride, to, stride, sliceRows, job.D);
  packGradChunk(grad, chunk - job.rowChunks);
  const width = (<usize>job.F) << 2;
  const act = job.actTurned + <usize>sliceBegin * width;
  if (job.codedAct) {
    for (let r = 0; r < sliceRows; r++) {
      decodeRow(codedRow(job.codedAct, sliceBegin + r, job.F), act + <usize>r * width, job.F);
    }
  }
  roundTurned(changetype<Format>(ACTIVATIONS), act, width, act, width, sliceRows, job.F);
}

@inline
function tokenOf(job: GradientJob, row: i32): i32 {
  return load<i32>(job.tokens + ((<usize>row) << 2));
}

/** The gradient of a block's activations for some columns. */
function activationChunk(chunk: i32): void {
  const job = changetype<GradientJob>(ARGUMENTS);
  const block = blockAt(job.groups, job.E, chunk / job.chunksF);
  const F = job.F;
  const first = (chunk % job.chunksF) * job.columnsF;
  const last = min(F, first + job.columnsF);
  const weight = job.down + ((<usize>block.expert * <usize>job.D * <usize>F) << 2);
  const stride = (<usize>F) << 2;
  multiplyColumns(job.dy8, job.tokens, block, weight, false, F, job.D, first, last, job.dAct, stride);
}

/** The gradients of gate and up, rounded along the channels and down the rows; x down the rows. */
function differentiateChunk(chunk: i32): void {
  const job = changetype<GradientJob>(ARGUMENTS);
  const format = changetype<Format>(GRADIENTS);
  const grad = changetype<WeightGrad>(GATE_UP_GRAD);
  findSlice(job, grad.slices, chunk);
  if (sliceRows <= 0) return;
  const F = job.F;
  const width = (<usize>F) << 2;
  const stride = width << 1;
  for (let row = sliceBegin; row < sliceBegin + sliceRows; row++) {
    const gate = load<f32>(job.gates + ((<usize>load<i32>(job.slots + ((<usize>row) << 2))) << 2));
    const dAct = job.dAct + <usize>row * width;
    const dh = job.dh32 + <usize>row * stride;
    differentiate(job.h + <usize>row * stride, gate, dAct, dh, F);
    store<f32>(job.gateSums + ((<usize>row) << 2), sumOfRow(dAct, F));
    roundRow(format, dh, job.dh + <usize>row * stride, 0, 2 * F);
  }
  const dh = job.dh32 + <usize>sliceBegin * stride;
  roundTurned(format, dh, stride, dh, stride, sliceRows, 2 * F);
  packGradChunk(grad, chunk);
  const strideX = (<usize>job.D) << 2;
  const x = job.xTurned + <usize>sliceBegin * strideX;
  for (let r = 0; r < sliceRows; r++) {
    decodeRow(codedRow(job.codedX, tokenOf(job, sliceBegin + r), job.D), x + <usize>r * strideX, job.D);
  }
  roundTurned(changetype<Format>(ACTIVATIONS), x, strideX, x, strideX, sliceRows, job.D);
}

/**
 * A row's gradients of gate and up, from d, that of its activations, which is replaced by d * silu(h) * up: the sum of
 * these is the gradient of the token's gate.
 */
function differentiate(h: usize, gate: f32, d: usize, dh: usize, F: i32): void {
  const second = (<usize>F) << 2;
  const gates = f32x4.splat(gate);
  let q: usize = 0;
  for (; q + 32 <= second; q += 32) {
    const a = v128.load(h + q);
    const b = v128.load(h + q, 16);
    const ua = v128.load(h + second + q);
    const ub = v128.load(h + second + q, 16);
    const da = v128.load(d + q);
    const db = v128.load(d + q, 16);
    const sa = sigmoid4(a);
    const sb = sigmoid4(b);
    const wa = f32x4.mul(a, sa);
    const wb = f32x4.mul(b, sb);
    const ga = f32x4.mul(da, gates);
    const gb = f32x4.mul(db, gates);
    v128.store(d + q, f32x4.mul(da, f32x4.mul(wa, ua)));
    v128.store(d + q, f32x4.mul(db, f32x4.mul(wb, ub)), 16);
    v128.store(dh + second + q, f32x4.mul(ga, wa));
    v128.store(dh + second + q, f32x4.mul(gb, wb), 16);
    v128.store(dh + q, f32x4.mul(f32x4.mul(ga, ua), siluSlope4(a, sa)));
    v128.store(dh + q, f32x4.mul(f32x4.mul(gb, ub), siluSlope4(b, sb)), 16);
  }
  for (; q < second; q += 4) {
    const a = load<f32>(h + q);
    const u = load<f32>(h + second + q);
    const one = load<f32>(d + q);
    const s = sigmoid1(a);
    const w = a * s;
    const g = one * gate;
    store<f32>(d + q, one * (w * u));
    store<f32>(dh + second + q, g * w);
    store<f32>(dh + q, g * u * siluSlope1(a, s));
  }
}

/** Sums by token the gradients of its rows, in order of the experts; hands those of gates to their slots. */
function combineChunk(chunk: i32): void {
  const job = changetype<GradientJob>(ARGUMENTS);
  const K = job.K;
  const rows = scratch + <usize>SCRATCH_BYTES - 4096;
  const end = min(job.N, (chunk + 1) * job.tokensPerChunk);
  for (let token = chunk * job.tokensPerChunk; token < end; token++) {
    const from = job.rowOf + ((<usize>(token * K)) << 2);
    sortRows(from, rows, K);
    sumRows(job.rows, rows, K, job.out + ((<usize>token * <usize>job.D) << 2), job.D);
    for (let k: usize = 0; k < (<usize>K) << 2; k += 4) {
      const gate = job.gateSums + ((<usize>load<i32>(from + k)) << 2);
      store<f32>(job.dGates + ((<usize>(token * K)) << 2) + k, load<f32>(gate));
    }
  }
}

/** Copies K numbers in ascending order. */
function sortRows(from: usize, to: usize, K: i32): void {
  for (let i = 0; i < K; i++) {
    const row = load<i32>(from + ((<usize>i) << 2));
    let at = to + ((<usize>i) << 2);
    for (; at > to && load<i32>(at - 4) > row; at -= 4) store<i32>(at, load<i32>(at - 4));
    store<i32>(at, row);
  }
}
