// Rows of a matrix by index, and the gradient of that: sums of rows by index.

import { ARGUMENTS, run } from './shared/threads';

@unmanaged
class RowsJob {
  x: usize;
  index: usize;
  out: usize;
  rows: i32;
  width: i32;
  /** Rows of the matrix that the index points into. */
  limit: i32;
  rowsPerChunk: i32;
}

/** Elements a chunk should have at least: a chunk costs about a tenth of a microsecond. */
const CHUNK: i32 = 8192;
/** Columns of a chunk of sums: one cache line. */
const COLUMNS: i32 = 16;

/**
 * Shapes: x [limit, width] of four bytes an element, index [rows] int32, out [rows, width].
 *
 * Returns where the first index outside 0 .. limit - 1 is, and then has written nothing; otherwise -1.
 */
export function gatherRows(x: usize, index: usize, out: usize, rows: i32, width: i32, limit: i32): i32 {
  for (let row = 0; row < rows; row++) {
    if (<u32>load<i32>(index + ((<usize>row) << 2)) >= <u32>limit) return row;
  }
  const job = changetype<RowsJob>(ARGUMENTS);
  job.x = x;
  job.index = index;
  job.out = out;
  job.rows = rows;
  job.width = width;
  job.rowsPerChunk = max(1, CHUNK / max(1, width));
  run(gatherChunk, (rows + job.rowsPerChunk - 1) / job.rowsPerChunk);
  return -1;
}

function gatherChunk(chunk: i32): void {
  const job = changetype<RowsJob>(ARGUMENTS);
  const bytes = (<usize>job.width) << 2;
  const begin = chunk * job.rowsPerChunk;
  const end = min(job.rows, begin + job.rowsPerChunk);
  let out = job.out + <usize>begin * bytes;
  for (let row = begin; row < end; row++, out += bytes) {
    const from = job.x + <usize>load<i32>(job.index + ((<usize>row) << 2)) * bytes;
    let at: usize = 0;
    for (; at + 32 <= bytes; at += 32) {
      v128.store(out + at, v128.load(from + at));
      v128.store(out + at, v128.load(from + at, 16), 16);
    }
    for (; at < bytes; at += 4) store<i32>(out + at, load<i32>(from + at));
  }
}

/**
 * Shapes: x [rows, width], ids [rows] int32, out [segments, width]: out[s] is the sum of the rows whose id is s, added
 * in order. Ids outside 0 .. segments - 1 are left out.
 */
export function segmentSum(x: usize, ids: usize, out: usize, rows: i32, width: i32, segments: i32): void {
  const job = changetype<RowsJob>(ARGUMENTS);
  job.x = x;
  job.index = ids;
  job.out = out;
  job.rows = rows;
  job.width = width;
  job.limit = segments;
  job.rowsPerChunk = max(1, CHUNK / max(1, width));
  run(clearChunk, (segments + job.rowsPerChunk - 1) / job.rowsPerChunk);
  run(sumChunk, (width + COLUMNS - 1) / COLUMNS);
}

function clearChunk(chunk: i32): void {
  const job = changetype<RowsJob>(ARGUMENTS);
  const bytes = (<usize>job.width) << 2;
  const begin = chunk * job.rowsPerChunk;
  const rows = min(job.limit, begin + job.rowsPerChunk) - begin;
  memory.fill(job.out + <usize>begin * bytes, 0, <usize>rows * bytes);
}

/** All rows of a few columns: a sum over rows is never split. */
function sumChunk(chunk: i32): void {
  const job = changetype<RowsJob>(ARGUMENTS);
  const bytes = (<usize>job.width) << 2;
  const begin = (<usize>(chunk * COLUMNS)) << 2;
  const end = min(bytes, begin + (<usize>COLUMNS << 2));
  for (let row = 0; row < job.rows; row++) {
    const id = load<i32>(job.index + ((<usize>row) << 2));
    if (<u32>id >= <u32>job.limit) continue;
    const from = job.x + <usize>row * bytes;
    const to = job.out + <usize>id * bytes;
    let at = begin;
    for (; at + 16 <= end; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
    for (; at < end; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
  }
}
