// Softmax of rows: y = e^(x - m) / sum(e^(x - m)) with m the largest of the row.

import { exp1, exp4, horizontalMax, horizontalSum } from './simd';
import { ARGUMENTS, run } from './threads';

@unmanaged
class SoftmaxJob {
  x: usize;
  y: usize;
  rows: i32;
  width: i32;
  rowsPerChunk: i32;
}

/** Elements a chunk should have at least. */
const CHUNK: i32 = 4096;

/** Shapes: x and y [rows, width]. */
export function softmax(x: usize, y: usize, rows: i32, width: i32): void {
  const job = changetype<SoftmaxJob>(ARGUMENTS);
  job.x = x;
  job.y = y;
  job.rows = rows;
  job.width = width;
  job.rowsPerChunk = max(1, CHUNK / width);
  run(softmaxChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
}

function softmaxChunk(chunk: i32): void {
  const job = changetype<SoftmaxJob>(ARGUMENTS);
  const first = chunk * job.rowsPerChunk;
  const end = min(job.rows, first + job.rowsPerChunk);
  for (let row = first; row < end; row++) {
    const offset = <usize>row * <usize>job.width << 2;
    softmaxRow(job.x + offset, job.y + offset, job.width);
  }
}

function softmaxRow(x: usize, y: usize, width: i32): void {
  const sum = exponentials(x, y, width, largest(x, width));
  const divisor = f32x4.splat(sum);
  let i = 0;
  for (; i + 8 <= width; i += 8, y += 32) {
    const y0 = f32x4.div(v128.load(y), divisor);
    const y1 = f32x4.div(v128.load(y, 16), divisor);
    v128.store(y, y0);
    v128.store(y, y1, 16);
  }
  for (; i < width; i++, y += 4) store<f32>(y, load<f32>(y) / sum);
}

/** The largest of a row, NaN aside: it comes into the sum anyway, and `pmax` is one instruction where `max` is many. */
function largest(x: usize, width: i32): f32 {
  let m0 = f32x4.splat(-Infinity);
  let m1 = m0;
  let i = 0;
  for (; i + 8 <= width; i += 8, x += 32) {
    m0 = f32x4.pmax(m0, v128.load(x));
    m1 = f32x4.pmax(m1, v128.load(x, 16));
  }
  let result = horizontalMax(f32x4.max(m0, m1));
  for (; i < width; i++, x += 4) result = max<f32>(result, load<f32>(x));
  return result;
}

/** Stores e^(x - shift) and gives the sum. */
function exponentials(x: usize, y: usize, width: i32, shift: f32): f32 {
  const shifts = f32x4.splat(shift);
  let s0 = f32x4.splat(0);
  let s1 = s0;
  let i = 0;
  for (; i + 8 <= width; i += 8, x += 32, y += 32) {
    const e0 = exp4(f32x4.sub(v128.load(x), shifts));
    const e1 = exp4(f32x4.sub(v128.load(x, 16), shifts));
    v128.store(y, e0);
    v128.store(y, e1, 16);
    s0 = f32x4.add(s0, e0);
    s1 = f32x4.add(s1, e1);
  }
  let sum = horizontalSum(f32x4.add(s0, s1));
  for (; i < width; i++, x += 4, y += 4) {
    const e = exp1(load<f32>(x) - shift);
    store<f32>(y, e);
    sum += e;
  }
  return sum;
}
