// Quantise and dequantise in tiles: scale = max |x| / largest number of the format, y = round(x / scale) * scale.
//
// The same bits as `quantizeDequantize` of src/precision: divisions and not products with a reciprocal, and ties to
// even.

import { horizontalMax } from './shared/simd';
import { ARGUMENTS, run } from './shared/threads';

@unmanaged
class QuantizeJob {
  x: usize;
  y: usize;
  /** First row of each band [bands + 1] int32, or 0: every row is one. */
  starts: usize;
  bands: i32;
  bandsPerChunk: i32;
  columns: i32;
  tileColumns: i32;
  /** Bits of a float32's mantissa that the format lacks. */
  shift: i32;
  largest: f32;
  leastNormal: f32;
  /** Adding and subtracting it rounds numbers below `leastNormal` to multiples of the smallest one. */
  rounder: f32;
}

/** Elements of a chunk. */
const CHUNK: i32 = 4096;
/** As in src/precision/quantize.ts: a tile of zeros is not divided by zero. */
const LEAST_AMAX: f32 = 1e-30;

/**
 * Shapes: x and y [rows, columns], cut into bands of rows, and those into tiles of `tileColumns` columns. The format
 * has `mantissaBits`, normal numbers from 2^minExponent on, and none above `largest`.
 */
export function fakeQuantize(
  x: usize,
  y: usize,
  starts: usize,
  bands: i32,
  columns: i32,
  tileColumns: i32,
  mantissaBits: i32,
  minExponent: i32,
  largest: f32,
): void {
  const job = changetype<QuantizeJob>(ARGUMENTS);
  job.x = x;
  job.y = y;
  job.starts = starts;
  job.bands = bands;
  job.columns = columns;
  job.tileColumns = tileColumns;
  job.shift = 23 - mantissaBits;
  job.largest = largest;
  job.leastNormal = reinterpret<f32>((minExponent + 127) << 23);
  // 1.5 * 2^23 times the smallest number, 2^(minExponent - mantissaBits).
  job.rounder = reinterpret<f32>(((minExponent - mantissaBits + 23 + 127) << 23) | 0x400000);
  const rows = starts ? load<i32>(starts + ((<usize>bands) << 2)) : bands;
  const elements = <i64>max(1, rows) * <i64>columns;
  job.bandsPerChunk = max(1, <i32>((<i64>CHUNK * <i64>bands) / elements));
  run(quantizeChunk, (bands + job.bandsPerChunk - 1) / job.bandsPerChunk);
}

function quantizeChunk(chunk: i32): void {
  const job = changetype<QuantizeJob>(ARGUMENTS);
  const end = min(job.bands, (chunk + 1) * job.bandsPerChunk);
  for (let band = chunk * job.bandsPerChunk; band < end; band++) {
    const at = job.starts + ((<usize>band) << 2);
    const top = job.starts ? load<i32>(at) : band;
    const bottom = job.starts ? load<i32>(at, 4) : band + 1;
    let j = 0;
    if (job.tileColumns == 1) for (; j + 4 <= job.columns; j += 4) quantizeFourColumns(job, top, bottom, j);
    for (; j < job.columns; j += job.tileColumns) {
      quantizeTile(job, top, bottom, j, min(job.tileColumns, job.columns - j));
    }
  }
}

@inline
function address(job: QuantizeJob, row: i32, column: i32): usize {
  return (<usize>row * <usize>job.columns + <usize>column) << 2;
}

/** Rows top .. bottom, columns j .. j+n, under one scale. */
function quantizeTile(job: QuantizeJob, top: i32, bottom: i32, j: i32, n: i32): void {
  const shift = job.shift;
  const largest = f32x4.splat(job.largest);
  const leastNormal = f32x4.splat(job.leastNormal);
  const rounder = f32x4.splat(job.rounder);
  const stride = (<usize>job.columns) << 2;
  const from = address(job, top, j);
  const height = <usize>(bottom - top) * stride;
  const whole = (<usize>n & ~3) << 2;
  const bytes = (<usize>n) << 2;
  let most = f32x4.splat(LEAST_AMAX);
  const x = job.x + from;
  for (let row: usize = 0; row < height; row += stride) {
    let q: usize = 0;
    for (; q < whole; q += 16) most = f32x4.max(most, f32x4.abs(v128.load(x + row + q)));
    for (; q < bytes; q += 4) most = f32x4.max(most, f32x4.abs(v128.load32_splat(x + row + q)));
  }
  const scale = f32x4.splat(horizontalMax(most) / job.largest);
  const y = job.y + from;
  for (let row: usize = 0; row < height; row += stride) {
    let q: usize = 0;
    for (; q < whole; q += 16) {
      v128.store(y + row + q, quantize4(v128.load(x + row + q), scale, shift, largest, leastNormal, rounder));
    }
    for (; q < bytes; q += 4) {
      const value = v128.load32_splat(x + row + q);
      v128.store_lane<f32>(y + row + q, quantize4(value, scale, shift, largest, leastNormal, rounder), 0);
    }
  }
}

/** Rows top .. bottom of four columns, each under a scale of its own. */
function quantizeFourColumns(job: QuantizeJob, top: i32, bottom: i32, j: i32): void {
  const shift = job.shift;
  const largest = f32x4.splat(job.largest);
  const leastNormal = f32x4.splat(job.leastNormal);
  const rounder = f32x4.splat(job.rounder);
  const stride = (<usize>job.columns) << 2;
  const from = address(job, top, j);
  const height = <usize>(bottom - top) * stride;
  const x = job.x + from;
  const y = job.y + from;
  let most = f32x4.splat(LEAST_AMAX);
  for (let row: usize = 0; row < height; row += stride) most = f32x4.max(most, f32x4.abs(v128.load(x + row)));
  const scales = f32x4.div(most, largest);
  for (let row: usize = 0; row < height; row += stride) {
    v128.store(y + row, quantize4(v128.load(x + row), scales, shift, largest, leastNormal, rounder));
  }
}

/**
 * Normal numbers are rounded in their bits, smaller ones by adding a number whose last place is the smallest step. The
 * arguments after `scale` are those of the job: they stay in registers, where fields would be read after every store.
 */
@inline
function quantize4(x: v128, scale: v128, shift: i32, largest: v128, leastNormal: v128, rounder: v128): v128 {
  const scaled = f32x4.div(x, scale);
  const t = f32x4.max(f32x4.min(scaled, largest), f32x4.neg(largest));
  const odd = v128.and(i32x4.shr_u(t, shift), i32x4.splat(1));
  const rounded = i32x4.add(i32x4.add(t, i32x4.splat((1 << (shift - 1)) - 1)), odd);
  const normal = v128.and(rounded, i32x4.splat(-1 << shift));
  const small = v128.or(f32x4.sub(f32x4.add(t, rounder), rounder), v128.and(t, i32x4.splat(1 << 31)));
  return f32x4.mul(v128.bitselect(small, normal, f32x4.lt(f32x4.abs(t), leastNormal)), scale);
}
