// Quantise and dequantise in tiles: scale = max |x| / largest number of the format, y = round(x / scale) * scale.
//
// The same bits as `quantizeDequantize` of src/precision: divisions and not products with a reciprocal, and ties to
// even.

import {
  exponentBits,
  Format,
  largerMagnitude,
  largestLane,
  LEAST_AMAX,
  magnitudeBits,
  round4,
  scaleOf,
  setFormat,
  setPowerOfTwoScales,
  signBit,
} from './fp8/round';
import { ARGUMENTS, run } from './shared/threads';

@unmanaged
export class QuantizeJob extends Format {
  x: usize;
  y: usize;
  /** First row of each band [bands + 1] int32, or 0: `matrixRows` rows are cut into bands of `bandRows`, and so on. */
  starts: usize;
  bands: i32;
  bandsPerChunk: i32;
  matrixRows: i32;
  bandRows: i32;
  columns: i32;
  tileColumns: i32;
}

/** Elements of a chunk. */
const CHUNK: i32 = 4096;

/**
 * Shapes: x and y [rows, columns], cut into bands of rows, and those into tiles of `tileColumns` columns. The format
 * has `mantissaBits`, normal numbers from 2^minExponent on, and none above `largest`; scales may be rounded up to powers
 * of two.
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
  powerOfTwoScales: bool,
): void {
  const job = changetype<QuantizeJob>(ARGUMENTS);
  setFormat(job, mantissaBits, minExponent, largest);
  if (powerOfTwoScales) setPowerOfTwoScales(job);
  job.x = x;
  job.y = y;
  job.starts = starts;
  job.matrixRows = 1;
  job.bandRows = 1;
  job.columns = columns;
  job.tileColumns = tileColumns;
  const rows = starts ? load<i32>(starts + ((<usize>bands) << 2)) : bands;
  run(bandsChunk, cutBands(job, bands, rows));
}

/**
 * Describes matrices of `rows` x `columns` that are cut into blocks; returns the chunks of `quantizeChunk`. The format
 * is in place.
 */
export function describeBlocks(
  job: QuantizeJob,
  x: usize,
  y: usize,
  matrices: i32,
  rows: i32,
  columns: i32,
  tileRows: i32,
  tileColumns: i32,
): i32 {
  job.x = x;
  job.y = y;
  job.starts = 0;
  job.matrixRows = rows;
  job.bandRows = tileRows;
  job.columns = columns;
  job.tileColumns = tileColumns;
  return cutBands(job, matrices * ((rows + tileRows - 1) / tileRows), matrices * rows);
}

function cutBands(job: QuantizeJob, bands: i32, rows: i32): i32 {
  const elements = <i64>max(1, rows) * <i64>job.columns;
  job.bands = bands;
  job.bandsPerChunk = max(1, <i32>((<i64>CHUNK * <i64>bands) / elements));
  return (bands + job.bandsPerChunk - 1) / job.bandsPerChunk;
}

function bandsChunk(chunk: i32): void {
  quantizeChunk(changetype<QuantizeJob>(ARGUMENTS), chunk);
}

export function quantizeChunk(job: QuantizeJob, chunk: i32): void {
  const end = min(job.bands, (chunk + 1) * job.bandsPerChunk);
  const perMatrix = (job.matrixRows + job.bandRows - 1) / job.bandRows;
  for (let band = chunk * job.bandsPerChunk; band < end; band++) {
    const first = (band / perMatrix) * job.matrixRows;
    const within = (band % perMatrix) * job.bandRows;
    const at = job.starts + ((<usize>band) << 2);
    const top = job.starts ? load<i32>(at) : first + within;
    const bottom = job.starts ? load<i32>(at, 4) : first + min(job.matrixRows, within + job.bandRows);
    let j = 0;
    if (job.tileColumns == 1) for (; j + 4 <= job.columns; j += 4) quantizeFourColumns(job, top, bottom, j);
    for (; j < job.columns; j += job.tileColumns) {
      const n = min(job.tileColumns, job.columns - j);
      if (n == 16) quantizeWideTile(job, top, bottom, j);
      else quantizeTile(job, top, bottom, j, n);
    }
  }
}

@inline
function address(job: QuantizeJob, row: i32, column: i32): usize {
  return (<usize>row * <usize>job.columns + <usize>column) << 2;
}

/** Rows top .. bottom, columns j .. j+n, under one scale. */
function quantizeTile(job: QuantizeJob, top: i32, bottom: i32, j: i32, n: i32): void {
  const magnitude = magnitudeBits();
  const exponent = exponentBits();
  const sign = signBit();
  const least = f32x4.splat(job.least);
  const shifter = f32x4.splat(job.shifter);
  const stride = (<usize>job.columns) << 2;
  const from = address(job, top, j);
  const height = <usize>(bottom - top) * stride;
  const whole = (<usize>n & ~3) << 2;
  const bytes = (<usize>n) << 2;
  let most = f32x4.splat(LEAST_AMAX);
  const x = job.x + from;
  for (let row: usize = 0; row < height; row += stride) {
    let q: usize = 0;
    for (; q < whole; q += 16) most = largerMagnitude(most, v128.load(x + row + q), magnitude);
    for (; q < bytes; q += 4) most = largerMagnitude(most, v128.load32_splat(x + row + q), magnitude);
  }
  const scale = scaleOf(job, largestLane(most));
  const y = job.y + from;
  for (let row: usize = 0; row < height; row += stride) {
    let q: usize = 0;
    for (; q < whole; q += 16) {
      const rounded = round4(v128.load(x + row + q), scale, least, shifter, exponent, sign);
      v128.store(y + row + q, f32x4.mul(rounded, scale));
    }
    for (; q < bytes; q += 4) {
      const rounded = round4(v128.load32_splat(x + row + q), scale, least, shifter, exponent, sign);
      v128.store_lane<f32>(y + row + q, f32x4.mul(rounded, scale), 0);
    }
  }
}

/** The same for sixteen columns. */
function quantizeWideTile(job: QuantizeJob, top: i32, bottom: i32, j: i32): void {
  const magnitude = magnitudeBits();
  const exponent = exponentBits();
  const sign = signBit();
  const least = f32x4.splat(job.least);
  const shifter = f32x4.splat(job.shifter);
  const stride = (<usize>job.columns) << 2;
  const from = address(job, top, j);
  const height = <usize>(bottom - top) * stride;
  const x = job.x + from;
  const y = job.y + from;
  let ma = f32x4.splat(LEAST_AMAX);
  let mb = ma;
  let mc = ma;
  let md = ma;
  for (let row: usize = 0; row < height; row += stride) {
    ma = largerMagnitude(ma, v128.load(x + row), magnitude);
    mb = largerMagnitude(mb, v128.load(x + row, 16), magnitude);
    mc = largerMagnitude(mc, v128.load(x + row, 32), magnitude);
    md = largerMagnitude(md, v128.load(x + row, 48), magnitude);
  }
  const most = largestLane(i32x4.max_u(i32x4.max_u(ma, mb), i32x4.max_u(mc, md)));
  const scale = scaleOf(job, most);
  for (let row: usize = 0; row < height; row += stride) {
    const a = round4(v128.load(x + row), scale, least, shifter, exponent, sign);
    const b = round4(v128.load(x + row, 16), scale, least, shifter, exponent, sign);
    const c = round4(v128.load(x + row, 32), scale, least, shifter, exponent, sign);
    const d = round4(v128.load(x + row, 48), scale, least, shifter, exponent, sign);
    v128.store(y + row, f32x4.mul(a, scale));
    v128.store(y + row, f32x4.mul(b, scale), 16);
    v128.store(y + row, f32x4.mul(c, scale), 32);
    v128.store(y + row, f32x4.mul(d, scale), 48);
  }
}

/** Rows top .. bottom of four columns, each under a scale of its own. */
function quantizeFourColumns(job: QuantizeJob, top: i32, bottom: i32, j: i32): void {
  const magnitude = magnitudeBits();
  const exponent = exponentBits();
  const sign = signBit();
  const least = f32x4.splat(job.least);
  const shifter = f32x4.splat(job.shifter);
  const stride = (<usize>job.columns) << 2;
  const from = address(job, top, j);
  const height = <usize>(bottom - top) * stride;
  const x = job.x + from;
  const y = job.y + from;
  let most = f32x4.splat(LEAST_AMAX);
  for (let row: usize = 0; row < height; row += stride) most = largerMagnitude(most, v128.load(x + row), magnitude);
  const scale = scaleOf(job, most);
  for (let row: usize = 0; row < height; row += stride) {
    const rounded = round4(v128.load(x + row), scale, least, shifter, exponent, sign);
    v128.store(y + row, f32x4.mul(rounded, scale));
  }
}
