// Softmax of rows: y = e^(x - m) / sum(e^(x - m)) with m the largest of the row.

import { softmaxRow } from '../shared/softmax-row';
import { ARGUMENTS, run } from '../shared/threads';

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
