// RMSNorm: y = x * rstd * weight with rstd = 1 / sqrt(mean(x^2) + eps), one row after the other.
//
// x may be a sum of two, made on the way: the residual stream of a transformer and what a sublayer adds to it.

import { dot, horizontalSum, madd } from './shared/simd';
import { ARGUMENTS, run } from './shared/threads';

@unmanaged
class RmsNormJob {
  x: usize;
  /** What is added to x, and where the sum goes; 0 without. */
  residual: usize;
  sum: usize;
  weight: usize;
  y: usize;
  rstd: usize;
  dy: usize;
  dx: usize;
  /** Gradient of the sum that comes from elsewhere, or 0. */
  dSum: usize;
  dWeight: usize;
  rows: i32;
  width: i32;
  rowsPerChunk: i32;
  eps: f32;
}

/** Elements a chunk should have at least: a chunk costs about a tenth of a microsecond. */
const CHUNK: i32 = 8192;
/** Columns of a chunk of the weight's gradient: two cache lines. */
const COLUMNS: i32 = 32;

/**
 * Shapes: x, residual, sum and y [rows, width], weight [width], rstd [rows]. Without `residual`, both it and `sum` are
 * 0.
 */
export function rmsNorm(
  x: usize,
  residual: usize,
  sum: usize,
  weight: usize,
  y: usize,
  rstd: usize,
  rows: i32,
  width: i32,
  eps: f32,
): void {
  const job = changetype<RmsNormJob>(ARGUMENTS);
  job.x = x;
  job.residual = residual;
  job.sum = sum;
  job.weight = weight;
  job.y = y;
  job.rstd = rstd;
  job.rows = rows;
  job.width = width;
  job.eps = eps;
  job.rowsPerChunk = max(1, CHUNK / width);
  run(rmsNormChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
}

function rmsNormChunk(chunk: i32): void {
  const job = changetype<RmsNormJob>(ARGUMENTS);
  const width = job.width;
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const offset = (<usize>row * <usize>width) << 2;
    let x = job.x + offset;
    const y = job.y + offset;
    if (job.residual) {
      addRow(x, job.residual + offset, job.sum + offset, width);
      x = job.sum + offset;
    }
    const rstd: f32 = <f32>1 / sqrt<f32>(dot(x, x, width) / <f32>width + job.eps);
    store<f32>(job.rstd + ((<usize>row) << 2), rstd);
    const scale = f32x4.splat(rstd);
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const at = (<usize>i) << 2;
      v128.store(y + at, f32x4.mul(f32x4.mul(v128.load(x + at), scale), v128.load(job.weight + at)));
    }
    for (; i < width; i++) {
      const at = (<usize>i) << 2;
      store<f32>(y + at, load<f32>(x + at) * rstd * load<f32>(job.weight + at));
    }
  }
}

/** y = a + b. */
function addRow(a: usize, b: usize, y: usize, width: i32): void {
  let i = 0;
  for (; i + 8 <= width; i += 8, a += 32, b += 32, y += 32) {
    const y0 = f32x4.add(v128.load(a), v128.load(b));
    const y1 = f32x4.add(v128.load(a, 16), v128.load(b, 16));
    v128.store(y, y0);
    v128.store(y, y1, 16);
  }
  for (; i < width; i++, a += 4, b += 4, y += 4) store<f32>(y, load<f32>(a) + load<f32>(b));
}

/** Shapes: x is what was normed; dx and dSum (or 0) as x, dWeight as weight; the others as in `rmsNorm`. */
export function rmsNormGrad(
  x: usize,
  weight: usize,
  rstd: usize,
  dy: usize,
  dSum: usize,
  dx: usize,
  dWeight: usize,
  rows: i32,
  width: i32,
): void {
  const job = changetype<RmsNormJob>(ARGUMENTS);
  job.x = x;
  job.weight = weight;
  job.rstd = rstd;
  job.dy = dy;
  job.dSum = dSum;
  job.dx = dx;
  job.dWeight = dWeight;
  job.rows = rows;
  job.width = width;
  job.rowsPerChunk = max(1, CHUNK / width);
  run(inputGradChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
  run(weightGradChunk, (width + COLUMNS - 1) / COLUMNS);
}

/** dx = rstd * (g - x * rstd^2 * mean(g * x)) + dSum with g = dy * weight. */
function inputGradChunk(chunk: i32): void {
  const job = changetype<RmsNormJob>(ARGUMENTS);
  const width = job.width;
  const weight = job.weight;
  const end = min(job.rows, (chunk + 1) * job.rowsPerChunk);
  for (let row = chunk * job.rowsPerChunk; row < end; row++) {
    const offset = (<usize>row * <usize>width) << 2;
    const x = job.x + offset;
    const dy = job.dy + offset;
    const dx = job.dx + offset;
    const rstd = load<f32>(job.rstd + ((<usize>row) << 2));
    let sums = f32x4.splat(0);
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const at = (<usize>i) << 2;
      sums = madd(f32x4.mul(v128.load(dy + at), v128.load(weight + at)), v128.load(x + at), sums);
    }
    let sum = horizontalSum(sums);
    for (; i < width; i++) {
      const at = (<usize>i) << 2;
      sum += load<f32>(dy + at) * load<f32>(weight + at) * load<f32>(x + at);
    }
    const pull = (sum * rstd * rstd) / <f32>width;
    for (i = 0; i + 4 <= width; i += 4) {
      const at = (<usize>i) << 2;
      const g = f32x4.mul(v128.load(dy + at), v128.load(weight + at));
      const centred = f32x4.sub(g, f32x4.mul(v128.load(x + at), f32x4.splat(pull)));
      v128.store(dx + at, f32x4.mul(f32x4.splat(rstd), centred));
    }
    for (; i < width; i++) {
      const at = (<usize>i) << 2;
      store<f32>(dx + at, rstd * (load<f32>(dy + at) * load<f32>(weight + at) - load<f32>(x + at) * pull));
    }
    if (job.dSum) addRow(dx, job.dSum + offset, dx, width);
  }
}

/** dWeight = sum over rows of dy * x * rstd, for a few columns: a sum over rows is never split. */
function weightGradChunk(chunk: i32): void {
  const job = changetype<RmsNormJob>(ARGUMENTS);
  const first = chunk * COLUMNS;
  const end = min(job.width, first + COLUMNS);
  for (let i = first; i < end; i++) store<f32>(job.dWeight + ((<usize>i) << 2), 0);
  for (let row = 0; row < job.rows; row++) {
    const offset = (<usize>row * <usize>job.width) << 2;
    const rstd = load<f32>(job.rstd + ((<usize>row) << 2));
    let i = first;
    for (; i + 4 <= end; i += 4) {
      const at = (<usize>i) << 2;
      const product = f32x4.mul(v128.load(job.dy + offset + at), v128.load(job.x + offset + at));
      v128.store(job.dWeight + at, madd(product, f32x4.splat(rstd), v128.load(job.dWeight + at)));
    }
    for (; i < end; i++) {
      const at = (<usize>i) << 2;
      const product = load<f32>(job.dy + offset + at) * load<f32>(job.x + offset + at) * rstd;
      store<f32>(job.dWeight + at, load<f32>(job.dWeight + at) + product);
    }
  }
}
