// A linear layer y = x * weight^T of 8-bit operands, and its gradients.
//
// Each pass is two jobs: one rounds, one multiplies. x is given as the codes that are kept of it, or as numbers. The
// backward pass makes of it what the weight's gradient needs, tiles down the tokens, while it rounds dy both ways: a
// slice of rows is read once.
// The weight is rounded in both passes: between them, rounded weights would take as much memory as the model.

import { CODES, readRow } from './coded-rows';
import { roundRow, roundTurned } from './tiles';
import { Format, setFormat } from './round';
import { describeGemm, gemm, GemmJob, multiplyChunk, packLeft, slicesOf } from '../gemm/gemm';
import { SLICE } from '../gemm/pack-left';
import { describeBlocks, QuantizeJob, quantizeChunk } from '../quantize';
import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class RowsJob extends Format {
  x: usize;
  y: usize;
  given: i32;
  rows: i32;
  columns: i32;
  rowsPerChunk: i32;
  chunks: i32;
}

/** Elements of a chunk of rows. */
const CHUNK: i32 = 4096;
const BLOCKS: usize = ARGUMENTS + 256;
const WEIGHT_GRAD: usize = ARGUMENTS + 512;
const GRADIENT_FORMAT: usize = ARGUMENTS + 768;
const INPUT_FORMAT: usize = ARGUMENTS + 800;

/**
 * Shapes: x [rows, inputs] as codes of E4M3 or as numbers, which `given` says, weight [outputs, inputs], y [rows,
 * outputs]; `x8` and `weight8`, as x and the weight, are workspace. Numbers are rounded to E4M3 in tiles, the weight in
 * blocks to the format that follows.
 */
export function fp8Linear(
  x: usize,
  given: i32,
  weight: usize,
  y: usize,
  x8: usize,
  weight8: usize,
  rows: i32,
  inputs: i32,
  outputs: i32,
  tileRows: i32,
  tileColumns: i32,
  mantissaBits: i32,
  minExponent: i32,
  largest: f32,
): void {
  const job = changetype<RowsJob>(ARGUMENTS);
  setFormat(job, 3, -6, 448);
  job.x = x;
  job.y = x8;
  job.given = given;
  job.rows = rows;
  job.columns = inputs;
  job.rowsPerChunk = max(1, CHUNK / max(1, inputs));
  job.chunks = (rows + job.rowsPerChunk - 1) / job.rowsPerChunk;
  const blocks = changetype<QuantizeJob>(BLOCKS);
  setFormat(blocks, mantissaBits, minExponent, largest);
  const weightChunks = describeBlocks(blocks, weight, weight8, 1, outputs, inputs, tileRows, tileColumns);
  run(roundChunk, job.chunks + weightChunks);
  gemm(x8, weight8, y, 1, rows, outputs, inputs, false, true, 0, 0, false, 0, 0, 0);
}

function roundChunk(chunk: i32): void {
  const job = changetype<RowsJob>(ARGUMENTS);
  if (chunk >= job.chunks) {
    quantizeChunk(changetype<QuantizeJob>(BLOCKS), chunk - job.chunks);
    return;
  }
  const stride = (<usize>job.columns) << 2;
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const y = job.y + <usize>row * stride;
    if (job.given == CODES) readRow(job.x, CODES, row, job.columns, y);
    else roundRow(job, job.x + <usize>row * stride, y, 0, job.columns);
  }
}

@unmanaged
class GradientJob extends GemmJob {
  x: usize;
  given: i32;
  dy: usize;
  dy8: usize;
  dyTurned: usize;
  xTurned: usize;
  rows: i32;
  inputs: i32;
  outputs: i32;
  slices: i32;
  inputChunks: i32;
}

/**
 * Shapes: x [rows, inputs] as codes of either kind or as numbers, which `given` says, dy [rows, outputs], dx [rows,
 * inputs], dWeight as the weight; workspace are `weight8`, `dy8` and `dyTurned` [rows, outputs], `xTurned` [rows,
 * inputs] and `packed` [packedLength(rows, outputs)]. The format of the weight's blocks comes first, then that of dy,
 * which is rounded in tiles.
 */
export function fp8LinearGrad(
  x: usize,
  given: i32,
  weight: usize,
  dy: usize,
  dx: usize,
  dWeight: usize,
  weight8: usize,
  dy8: usize,
  dyTurned: usize,
  xTurned: usize,
  packed: usize,
  rows: i32,
  inputs: i32,
  outputs: i32,
  tileRows: i32,
  tileColumns: i32,
  mantissaBits: i32,
  minExponent: i32,
  largest: f32,
  gradientMantissaBits: i32,
  gradientMinExponent: i32,
  gradientLargest: f32,
): void {
  const job = changetype<GradientJob>(ARGUMENTS);
  const weightJob = changetype<GemmJob>(WEIGHT_GRAD);
  const blocks = changetype<QuantizeJob>(BLOCKS);
  setFormat(blocks, mantissaBits, minExponent, largest);
  setFormat(changetype<Format>(GRADIENT_FORMAT), gradientMantissaBits, gradientMinExponent, gradientLargest);
  setFormat(changetype<Format>(INPUT_FORMAT), 3, -6, 448);
  job.x = x;
  job.given = given;
  job.dy = dy;
  job.dy8 = dy8;
  job.dyTurned = dyTurned;
  job.xTurned = xTurned;
  job.rows = rows;
  job.inputs = inputs;
  job.outputs = outputs;
  job.inputChunks = describeGemm(job, dy8, weight8, dx, 1, rows, inputs, outputs, false, false, 0);
  const weightChunks = describeGemm(
    weightJob,
    dyTurned,
    xTurned,
    dWeight,
    1,
    outputs,
    inputs,
    rows,
    true,
    false,
    packed,
  );
  job.slices = (rows + SLICE - 1) / SLICE;
  const blockChunks = describeBlocks(blocks, weight, weight8, 1, outputs, inputs, tileRows, tileColumns);
  run(roundGradientChunk, job.slices + blockChunks);
  run(productChunk, job.inputChunks + weightChunks);
}

/**
 * A slice of rows: dy in tiles along them and down them, the second packed as well; x in tiles down them. After all
 * slices, blocks of the weight.
 */
function roundGradientChunk(slice: i32): void {
  const job = changetype<GradientJob>(ARGUMENTS);
  if (slice >= job.slices) {
    quantizeChunk(changetype<QuantizeJob>(BLOCKS), slice - job.slices);
    return;
  }
  const format = changetype<Format>(GRADIENT_FORMAT);
  const weightJob = changetype<GemmJob>(WEIGHT_GRAD);
  const first = slice * SLICE;
  const rows = min(SLICE, job.rows - first);
  const strideY = (<usize>job.outputs) << 2;
  const strideX = (<usize>job.inputs) << 2;
  const y = <usize>first * strideY;
  for (let row: usize = 0; row < <usize>rows * strideY; row += strideY) {
    roundRow(format, job.dy + y + row, job.dy8 + y + row, 0, job.outputs);
  }
  roundTurned(format, job.dy + y, strideY, job.dyTurned + y, strideY, rows, job.outputs);
  if (slicesOf(weightJob) > 0) packLeft(weightJob, 0, slice);
  const x = job.xTurned + <usize>first * strideX;
  for (let row = 0; row < rows; row++) {
    readRow(job.x, job.given, first + row, job.inputs, x + <usize>row * strideX);
  }
  roundTurned(changetype<Format>(INPUT_FORMAT), x, strideX, x, strideX, rows, job.inputs);
}

function productChunk(chunk: i32): void {
  const job = changetype<GradientJob>(ARGUMENTS);
  if (chunk < job.inputChunks) multiplyChunk(job, chunk);
  else multiplyChunk(changetype<GemmJob>(WEIGHT_GRAD), chunk - job.inputChunks);
}
