// C = A * B, all transposes, batched, with accumulation, bias and activation.
//
// A chunk is one panel of columns times a block of rows. The thread that takes it packs the panel, KC rows at a time,
// into its own scratch (it stays in the first-level cache) and streams the rows of A past it. Nothing packed is shared,
// so there is no barrier between packing and multiplying. A left-hand matrix that is used transposed is packed before,
// by all, unless it is small.

import { Activation } from '../operations';
import { KC, packColumns, packRows } from './pack';
import { packedBlock, packedLength, packSlice, SLICE } from './pack-left';
import { Left, multiplyPanel, scratchPanel } from './panel';
import { sigmoid1 } from '../shared/simd';
import { ARGUMENTS, MAX_CHUNKS, run } from '../shared/threads';
import { MR, NR } from './tile';

@unmanaged
export class GemmJob {
  a: usize;
  b: usize;
  c: usize;
  bias: usize;
  /** The left-hand matrices as `pack-left` lays them out, if `packsA`. */
  packed: usize;
  m: i32;
  n: i32;
  k: i32;
  transposeA: bool;
  packsA: bool;
  transposeB: bool;
  accumulate: bool;
  activation: i32;
  /** Elements between matrices of a batch; 0 repeats one. */
  batchA: i32;
  batchB: i32;
  panels: i32;
  rowBlocks: i32;
  rowsPerBlock: i32;
}

/** Chunks that a product should have at least, so that threads end together. */
const CHUNKS: i32 = 16;
/** Rows below which packing a panel again costs more than an even split saves. */
const MIN_ROWS: i32 = 120;
/** Elements of a transposed A, at most, that stay in the first-level cache as they are. */
const SMALL: i32 = 8192;

/**
 * Shapes: a [batch, m, k] ([batch, k, m] transposed), b [batch, k, n] ([batch, n, k] transposed), c [batch, m, n], all
 * contiguous; bias [n] or 0. `batchA` and `batchB` are 0 to use the same matrix for the whole batch. `packed` is
 * workspace of `gemmWorkspace` numbers.
 */
export function gemm(
  a: usize,
  b: usize,
  c: usize,
  batch: i32,
  m: i32,
  n: i32,
  k: i32,
  transposeA: bool,
  transposeB: bool,
  batchA: i32,
  batchB: i32,
  accumulate: bool,
  bias: usize,
  activation: i32,
  packed: usize,
): void {
  const job = changetype<GemmJob>(ARGUMENTS);
  describeGemm(job, a, b, c, batch, m, n, k, transposeA, transposeB, packed);
  job.accumulate = accumulate;
  job.bias = bias;
  job.activation = activation;
  job.batchA = batchA;
  job.batchB = batchB;
  // A batch that long has small matrices: a job for each part of it.
  const batchPerJob = max(1, MAX_CHUNKS / max(job.panels * job.rowBlocks, slicesOf(job)));
  for (let from = 0; from < batch; from += batchPerJob) {
    const count = min(batchPerJob, batch - from);
    job.a = a + ((<usize>from * <usize>batchA) << 2);
    job.b = b + ((<usize>from * <usize>batchB) << 2);
    job.c = c + ((<usize>from * <usize>(m * n)) << 2);
    run(packLeftChunk, (batchA == 0 ? 1 : count) * slicesOf(job));
    run(gemmChunk, count * job.panels * job.rowBlocks);
  }
}

@inline
function packsLeft(transposeA: bool, m: i32, k: i32): bool {
  return transposeA && k * m > SMALL;
}

/** Numbers of workspace that a product needs. */
export function gemmWorkspace(batch: i32, m: i32, k: i32, transposeA: bool, batchA: i32): i32 {
  return packsLeft(transposeA, m, k) ? (batchA == 0 ? 1 : batch) * packedLength(k, m) : 0;
}

/** Chunks in which one left-hand matrix is packed; 0 if it is used as it is. */
@inline
export function slicesOf(job: GemmJob): i32 {
  return job.packsA ? (job.k + SLICE - 1) / SLICE : 0;
}

function packLeftChunk(chunk: i32): void {
  const job = changetype<GemmJob>(ARGUMENTS);
  packLeft(job, chunk / slicesOf(job), chunk % slicesOf(job));
}

/** Packs a slice of a left-hand matrix of the batch. */
export function packLeft(job: GemmJob, batch: i32, slice: i32): void {
  const a = job.a + ((<usize>batch * <usize>job.batchA) << 2);
  const packed = job.packed + ((<usize>batch * <usize>packedLength(job.k, job.m)) << 2);
  packSlice(packed, a, (<usize>job.m) << 2, 0, job.k, job.m, slice * SLICE);
}

/** Describes a plain product, and how it is cut; returns its chunks. */
export function describeGemm(
  job: GemmJob,
  a: usize,
  b: usize,
  c: usize,
  batch: i32,
  m: i32,
  n: i32,
  k: i32,
  transposeA: bool,
  transposeB: bool,
  packed: usize,
): i32 {
  job.a = a;
  job.b = b;
  job.c = c;
  job.m = m;
  job.n = n;
  job.k = k;
  job.transposeA = transposeA;
  job.packsA = packsLeft(transposeA, m, k);
  job.transposeB = transposeB;
  job.packed = packed;
  job.accumulate = false;
  job.bias = 0;
  job.activation = Activation.Linear;
  job.batchA = 0;
  job.batchB = 0;
  job.panels = (n + NR - 1) / NR;
  const wanted = (CHUNKS + job.panels * batch - 1) / (job.panels * batch);
  job.rowBlocks = max(1, min(wanted, m / MIN_ROWS));
  job.rowsPerBlock = (((m + job.rowBlocks - 1) / job.rowBlocks + MR - 1) / MR) * MR;
  return batch * job.panels * job.rowBlocks;
}

function gemmChunk(chunk: i32): void {
  multiplyChunk(changetype<GemmJob>(ARGUMENTS), chunk);
}

/** One panel of columns times one block of rows. */
export function multiplyChunk(job: GemmJob, chunk: i32): void {
  const m = job.m;
  const n = job.n;
  const k = job.k;
  const batch = chunk / (job.panels * job.rowBlocks);
  const part = chunk % (job.panels * job.rowBlocks);
  const j = (part % job.panels) * NR;
  const i0 = (part / job.panels) * job.rowsPerBlock;
  const i1 = min(m, i0 + job.rowsPerBlock);
  const columns = min(NR, n - j);
  const a = job.a + ((<usize>batch * <usize>job.batchA) << 2);
  const b = job.b + ((<usize>batch * <usize>job.batchB) << 2);
  const strideC = (<usize>n) << 2;
  const c = job.c + ((<usize>batch * <usize>m * <usize>n) << 2) + ((<usize>j) << 2);
  const strideA = (<usize>k) << 2;
  const packed = job.packed + (job.batchA == 0 ? 0 : (<usize>batch * <usize>packedLength(k, m)) << 2);
  const panel = scratchPanel();
  for (let k0 = 0; k0 < k || k0 == 0; k0 += KC) {
    const depth = min(KC, k - k0);
    const add = job.accumulate || k0 > 0;
    if (job.transposeB) packColumns(panel, b, (<usize>k) << 2, k0, depth, j, columns);
    else packRows(panel, b, strideC, 0, k0, depth, j, columns);
    if (job.packsA) {
      multiplyPanel(Left.Packed, packedBlock(packed, k0, m), 0, 0, i0, i1, 0, depth, panel, c, strideC, columns, add);
    } else if (job.transposeA) {
      multiplyPanel(Left.Columns, a + (<usize>k0 * <usize>m << 2), (<usize>m) << 2, 0, i0, i1, 0, depth, panel, c, strideC, columns, add);
    } else multiplyPanel(Left.Rows, a, strideA, 0, i0, i1, k0, depth, panel, c, strideC, columns, add);
  }
  if (job.bias != 0 || job.activation != Activation.Linear) epilogue(job, c, j, i0, i1, columns);
}

function epilogue(job: GemmJob, c: usize, j: i32, i0: i32, i1: i32, columns: i32): void {
  for (let i = i0; i < i1; i++) {
    const row = c + ((<usize>i * <usize>job.n) << 2);
    for (let q = 0; q < columns; q++) {
      const at = row + ((<usize>q) << 2);
      let value = load<f32>(at);
      if (job.bias != 0) value += load<f32>(job.bias + ((<usize>(j + q)) << 2));
      if (job.activation == Activation.Relu) value = value < 0 ? 0 : value;
      else if (job.activation == Activation.Sigmoid) value = sigmoid1(value);
      store<f32>(at, value);
    }
  }
}
