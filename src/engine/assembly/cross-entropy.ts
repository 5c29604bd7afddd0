// Linear layer, softmax and cross-entropy in one, a tile of the vocabulary after the other.
//
// The logits of a tile are one matrix product over all rows, so weights are packed once. Softmax goes from tile to tile
// with a running maximum and sum for each row. What the gradient needs of a logit x is its residual,
//
//   e^(x - max) - (label ? sum : 0),
//
// which times dy / sum is the gradient of x. That factor belongs to the row, so it goes to the rows of `hidden` and
// `dHidden`, and the residuals enter the matrix products as they are. Where one tile holds the whole vocabulary they
// are left in its place by the forward pass; otherwise each tile is computed again. Tiles of dWeight do not overlap,
// those of dHidden are added in order: no sum depends on the number of threads.
//
// Shape legend: N rows, D channels, V vocabulary, T columns of a tile.

import { gemm } from './gemm/gemm';
import { Activation } from './operations';
import { exp1 } from './shared/simd';
import { exponentials, largestOf } from './shared/softmax-row';
import { ARGUMENTS, run } from './shared/threads';

@unmanaged
class CrossEntropyJob {
  labels: usize;
  losses: usize;
  maxima: usize;
  sums: usize;
  tile: usize;
  dy: usize;
  rows: i32;
  /** The tile is columns first .. first + width of the vocabulary. */
  first: i32;
  width: i32;
  isLast: bool;
  rowsPerChunk: i32;
}

@unmanaged
class RowScaleJob {
  x: usize;
  y: usize;
  dy: usize;
  sums: usize;
  rows: i32;
  width: i32;
  rowsPerChunk: i32;
}

/** Elements a chunk should have at least: a chunk costs about a tenth of a microsecond. */
const CHUNK: i32 = 8192;

/**
 * Shapes: hidden [N, D], weight [V, D], labels [N] int32, losses, maxima and sums [N], tile [N, T]. With T >= V the
 * tile is full of residuals afterwards.
 */
export function linearCrossEntropy(
  hidden: usize,
  weight: usize,
  labels: usize,
  losses: usize,
  maxima: usize,
  sums: usize,
  tile: usize,
  rows: i32,
  channels: i32,
  vocabulary: i32,
  columns: i32,
): void {
  for (let first = 0; first < vocabulary; first += columns) {
    const width = min(columns, vocabulary - first);
    logits(hidden, weight, tile, rows, channels, first, width);
    const job = changetype<CrossEntropyJob>(ARGUMENTS);
    job.labels = labels;
    job.losses = losses;
    job.maxima = maxima;
    job.sums = sums;
    job.tile = tile;
    job.rows = rows;
    job.first = first;
    job.width = width;
    job.isLast = first + width == vocabulary;
    job.rowsPerChunk = max(1, CHUNK / width);
    run(softmaxChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
  }
}

/** tile [rows, width] = hidden * (rows first .. first + width of weight)^T. */
function logits(hidden: usize, weight: usize, tile: usize, rows: i32, channels: i32, first: i32, width: i32): void {
  const from = weight + ((<usize>first * <usize>channels) << 2);
  gemm(hidden, from, tile, 1, rows, width, channels, false, true, 0, 0, false, 0, Activation.Linear, 0);
}

/** Takes a tile into the maximum, sum and label's logit of each row, and puts residuals in its place. */
function softmaxChunk(chunk: i32): void {
  const job = changetype<CrossEntropyJob>(ARGUMENTS);
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const at = (<usize>row) << 2;
    const x = job.tile + at * <usize>job.width;
    const label = labelLogit(job, row, x);
    const isFirst = job.first == 0;
    // The loss holds the label's logit until the last tile; a label outside the vocabulary has 0.
    let picked: f32 = isFirst ? 0 : load<f32>(job.losses + at);
    if (label) picked = load<f32>(label);
    const before: f32 = isFirst ? -Infinity : load<f32>(job.maxima + at);
    const largest = max(before, largestOf(x, job.width));
    let sum = exponentials(x, x, job.width, largest);
    if (!isFirst) sum += load<f32>(job.sums + at) * exp1(before - largest);
    if (label) store<f32>(label, load<f32>(label) - sum);
    store<f32>(job.maxima + at, largest);
    store<f32>(job.sums + at, sum);
    // The two large numbers first: near-certain labels keep their digits.
    store<f32>(job.losses + at, job.isLast ? Mathf.log(sum) + (largest - picked) : picked);
  }
}

/** Where the label's logit is in the tile's row at `x`; 0 if it is not in this tile. */
@inline
function labelLogit(job: CrossEntropyJob, row: i32, x: usize): usize {
  const column = load<i32>(job.labels + ((<usize>row) << 2)) - job.first;
  return <u32>column < <u32>job.width ? x + ((<usize>column) << 2) : 0;
}

/**
 * Shapes: dy [N], dHidden as hidden, dWeight as weight, either of them 0 where it is not wanted; scaled as hidden (a
 * workspace), tile [N, T]: residuals of the forward pass if `isComplete` (then T >= V), otherwise a workspace; `packed`
 * is workspace of `packedLength(N, T)`; the others as in `linearCrossEntropy`.
 */
export function linearCrossEntropyGrad(
  hidden: usize,
  weight: usize,
  labels: usize,
  maxima: usize,
  sums: usize,
  dy: usize,
  dHidden: usize,
  dWeight: usize,
  scaled: usize,
  tile: usize,
  packed: usize,
  rows: i32,
  channels: i32,
  vocabulary: i32,
  columns: i32,
  isComplete: bool,
): void {
  if (dWeight) scaleRows(hidden, scaled, dy, sums, rows, channels);
  for (let first = 0; first < vocabulary; first += columns) {
    const width = min(columns, vocabulary - first);
    const offset = (<usize>first * <usize>channels) << 2;
    if (!isComplete) {
      logits(hidden, weight, tile, rows, channels, first, width);
      residuals(labels, maxima, sums, tile, rows, first, width);
    }
    if (dHidden) {
      const b = weight + offset;
      gemm(tile, b, dHidden, 1, rows, channels, width, false, false, 0, 0, first > 0, 0, Activation.Linear, 0);
    }
    if (dWeight) {
      const c = dWeight + offset;
      gemm(tile, scaled, c, 1, width, channels, rows, true, false, 0, 0, false, 0, Activation.Linear, packed);
    }
  }
  if (dHidden) scaleRows(dHidden, dHidden, dy, sums, rows, channels);
}

/** Logits to residuals, for rows whose maximum and sum are known. */
function residuals(labels: usize, maxima: usize, sums: usize, tile: usize, rows: i32, first: i32, width: i32): void {
  const job = changetype<CrossEntropyJob>(ARGUMENTS);
  job.labels = labels;
  job.maxima = maxima;
  job.sums = sums;
  job.tile = tile;
  job.rows = rows;
  job.first = first;
  job.width = width;
  job.rowsPerChunk = max(1, CHUNK / width);
  run(residualChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
}

function residualChunk(chunk: i32): void {
  const job = changetype<CrossEntropyJob>(ARGUMENTS);
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const at = (<usize>row) << 2;
    const x = job.tile + at * <usize>job.width;
    exponentials(x, x, job.width, load<f32>(job.maxima + at));
    const label = labelLogit(job, row, x);
    if (label) store<f32>(label, load<f32>(label) - load<f32>(job.sums + at));
  }
}

/** y = x * dy / sum, row by row; x and y may be the same. */
function scaleRows(x: usize, y: usize, dy: usize, sums: usize, rows: i32, width: i32): void {
  const job = changetype<RowScaleJob>(ARGUMENTS);
  job.x = x;
  job.y = y;
  job.dy = dy;
  job.sums = sums;
  job.rows = rows;
  job.width = width;
  job.rowsPerChunk = max(1, CHUNK / width);
  run(scaleChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
}

function scaleChunk(chunk: i32): void {
  const job = changetype<RowScaleJob>(ARGUMENTS);
  const width = job.width;
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const at = (<usize>row) << 2;
    const factor = load<f32>(job.dy + at) / load<f32>(job.sums + at);
    const factors = f32x4.splat(factor);
    let x = job.x + at * <usize>width;
    let y = job.y + at * <usize>width;
    let i = 0;
    for (; i + 8 <= width; i += 8, x += 32, y += 32) {
      const y0 = f32x4.mul(v128.load(x), factors);
      const y1 = f32x4.mul(v128.load(x, 16), factors);
      v128.store(y, y0);
      v128.store(y, y1, 16);
    }
    for (; i < width; i++, x += 4, y += 4) store<f32>(y, load<f32>(x) * factor);
  }
}
