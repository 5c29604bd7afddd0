// Routed experts whose products are of 8-bit operands: what `experts/routed.ts` does, with x, the weights and the
// activations rounded on the way. Shape legend: N tokens, K experts a token, M = N*K rows, E experts, D hidden size,
// F expert hidden size.
//
// A row's tiles lie within it, so x is one token's codes, whatever the number of its experts. Between the
// two products everything stays float32.

import { codedRow, codedTile, decodeRow, roundRow, TILE } from './tiles';
import { Format, setFormat } from './round';
import { blockAt, blockCount, chunksOf, multiplyColumns } from '../experts/grouped';
import { describeExperts, ExpertsJob } from '../experts/job';
import { combineChunk, downChunk } from '../experts/routed';
import { describeBlocks, QuantizeJob, quantizeChunk } from '../quantize';
import { sigmoid1, sigmoid4 } from '../shared/simd';
import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class ForwardJob extends ExpertsJob {
  codedX: usize;
  /** 0: the activations are not kept. */
  codedAct: usize;
  rowsPerChunk: i32;
  rowChunks: i32;
  gateUpChunks: i32;
}

/** Elements of a chunk of rows. */
const CHUNK: i32 = 4096;
const GATE_UP: usize = ARGUMENTS + 512;
const DOWN: usize = ARGUMENTS + 640;
const ACTIVATIONS: usize = ARGUMENTS + 768;

/**
 * Shapes: as in `routedExperts`; codedX, which is read, [codedLength(N, D)], codedAct [codedLength(M, F)] or 0; gateUp8
 * and down8 as gateUp and down, `x8` [N, D], `act8` [M, F] and `rows` [M, D] are workspace. Activations are rounded to E4M3 in tiles, the
 * weights in blocks to the format that follows.
 */
export function fp8Experts(
  codedX: usize,
  gates: usize,
  gateUp: usize,
  down: usize,
  plan: usize,
  h: usize,
  codedAct: usize,
  gateUp8: usize,
  down8: usize,
  x8: usize,
  act8: usize,
  rows: usize,
  out: usize,
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
): void {
  const job = changetype<ForwardJob>(describeExperts(plan, N, K, E, D, F));
  job.x = x8;
  job.gates = gates;
  job.gateUp = gateUp8;
  job.down = down8;
  job.h = h;
  job.act = act8;
  job.rows = rows;
  job.out = out;
  job.codedX = codedX;
  job.codedAct = codedAct;
  job.columnsF = wholeTiles(job.columnsF);
  job.chunksF = chunksOf(F, job.columnsF);
  job.rowsPerChunk = max(1, CHUNK / D);
  job.rowChunks = (N + job.rowsPerChunk - 1) / job.rowsPerChunk;
  setFormat(changetype<Format>(ACTIVATIONS), 3, -6, 448);
  const gateUpJob = changetype<QuantizeJob>(GATE_UP);
  const downJob = changetype<QuantizeJob>(DOWN);
  setFormat(gateUpJob, mantissaBits, minExponent, largest);
  setFormat(downJob, mantissaBits, minExponent, largest);
  job.gateUpChunks = describeBlocks(gateUpJob, gateUp, gateUp8, E, 2 * F, D, tileRows, tileColumns);
  const downChunks = describeBlocks(downJob, down, down8, E, D, F, tileRows, tileColumns);
  const blocks = blockCount(job.groups);
  run(roundChunk, job.rowChunks + job.gateUpChunks + downChunks);
  run(gateUpChunk, blocks * job.chunksF);
  run(downChunk, blocks * job.chunksD);
  run(combineChunk, (N + job.tokensPerChunk - 1) / job.tokensPerChunk);
}

/** Columns, rounded up so that no tile lies in two chunks. */
@inline
function wholeTiles(columns: i32): i32 {
  return (columns + TILE - 1) & ~(TILE - 1);
}

/** Rows of x out of their codes, then blocks of the weights. */
function roundChunk(chunk: i32): void {
  const job = changetype<ForwardJob>(ARGUMENTS);
  const block = chunk - job.rowChunks;
  if (block >= job.gateUpChunks) quantizeChunk(changetype<QuantizeJob>(DOWN), block - job.gateUpChunks);
  else if (block >= 0) quantizeChunk(changetype<QuantizeJob>(GATE_UP), block);
  else {
    const stride = (<usize>job.D) << 2;
    const end = min(job.N, (chunk + 1) * job.rowsPerChunk);
    for (let row = chunk * job.rowsPerChunk; row < end; row++) {
      decodeRow(codedRow(job.codedX, row, job.D), job.x + <usize>row * stride, job.D);
    }
  }
}

/** Gate and up products of a block for some columns, and their activation, rounded while it is in the cache. */
function gateUpChunk(chunk: i32): void {
  const job = changetype<ForwardJob>(ARGUMENTS);
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
  const format = changetype<Format>(ACTIVATIONS);
  const column = (<usize>first) << 2;
  for (let row = block.begin; row < block.end; row++) {
    const factor = load<f32>(job.gates + ((<usize>load<i32>(job.slots + ((<usize>row) << 2))) << 2));
    const act = job.act + <usize>row * second + column;
    activate(job.h + <usize>row * stride + column, factor, act, F, last - first);
    const coded = job.codedAct ? codedTile(codedRow(job.codedAct, row, F), first) : 0;
    roundRow(format, act, act, coded, last - first);
  }
}

/** act = (silu(h) * (h, F further on)) * gate, in this order, for n columns. */
function activate(h: usize, gate: f32, act: usize, F: i32, n: i32): void {
  const up = h + ((<usize>F) << 2);
  const gates = f32x4.splat(gate);
  const end = (<usize>n) << 2;
  let q: usize = 0;
  for (; q + 32 <= end; q += 32) {
    const a = v128.load(h + q);
    const b = v128.load(h + q, 16);
    const ya = f32x4.mul(f32x4.mul(f32x4.mul(a, sigmoid4(a)), v128.load(up + q)), gates);
    const yb = f32x4.mul(f32x4.mul(f32x4.mul(b, sigmoid4(b)), v128.load(up + q, 16)), gates);
    v128.store(act + q, ya);
    v128.store(act + q, yb, 16);
  }
  for (; q < end; q += 4) {
    const a = load<f32>(h + q);
    store<f32>(act + q, a * sigmoid1(a) * load<f32>(up + q) * gate);
  }
}
