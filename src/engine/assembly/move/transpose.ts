// Transposes that move the last axis: planes [rows, columns] whose rows are columns in the source, four by four.
//
// All elements of four bytes are copied the same way, whatever they mean.

import { ARGUMENTS, run } from '../shared/threads';

@unmanaged
class TransposeJob {
  x: usize;
  y: usize;
  rows: i32;
  columns: i32;
  /** Elements from one column to the next in the source; its rows are one element apart. */
  columnStep: usize;
  /** Elements from one row to the next in the target; its columns are one element apart. */
  rowStep: usize;
  planes1: i32;
  x0: usize;
  x1: usize;
  y0: usize;
  y1: usize;
  blocks: i32;
  items: i32;
  itemsPerChunk: i32;
}

/** Rows of an item: a cache line of the source. */
const ROWS: i32 = 16;
/** Elements a chunk should have at least. */
const CHUNK: i32 = 8192;

/**
 * y[plane0, plane1, row, column] = x[plane0, plane1, column, row], for planes anywhere: (x0, x1) and (y0, y1) are the
 * elements from one to the next along the two axes of planes.
 */
export function transpose(
  x: usize,
  y: usize,
  rows: i32,
  columns: i32,
  columnStep: i32,
  rowStep: i32,
  planes0: i32,
  planes1: i32,
  x0: i32,
  x1: i32,
  y0: i32,
  y1: i32,
): void {
  const job = changetype<TransposeJob>(ARGUMENTS);
  job.x = x;
  job.y = y;
  job.rows = rows;
  job.columns = columns;
  job.columnStep = <usize>columnStep;
  job.rowStep = <usize>rowStep;
  job.planes1 = planes1;
  job.x0 = <usize>x0;
  job.x1 = <usize>x1;
  job.y0 = <usize>y0;
  job.y1 = <usize>y1;
  job.blocks = (rows + ROWS - 1) / ROWS;
  job.items = planes0 * planes1 * job.blocks;
  job.itemsPerChunk = max(1, CHUNK / min(CHUNK, columns * min(rows, ROWS)));
  run(transposeChunk, (job.items + job.itemsPerChunk - 1) / job.itemsPerChunk);
}

function transposeChunk(chunk: i32): void {
  const job = changetype<TransposeJob>(ARGUMENTS);
  const first = chunk * job.itemsPerChunk;
  const end = min(job.items, first + job.itemsPerChunk);
  for (let item = first; item < end; item++) {
    const plane = item / job.blocks;
    const row = (item % job.blocks) * ROWS;
    const plane0 = <usize>(plane / job.planes1);
    const plane1 = <usize>(plane % job.planes1);
    const x = job.x + ((plane0 * job.x0 + plane1 * job.x1 + <usize>row) << 2);
    const y = job.y + ((plane0 * job.y0 + plane1 * job.y1 + <usize>row * job.rowStep) << 2);
    transposeRows(x, y, min(ROWS, job.rows - row), job.columns, job.columnStep << 2, job.rowStep << 2);
  }
}

/** Some rows of a plane; steps are in bytes. */
function transposeRows(x: usize, y: usize, rows: i32, columns: i32, columnStep: usize, rowStep: usize): void {
  let column = 0;
  for (; column + 4 <= columns; column += 4, x += columnStep * 4, y += 16) {
    let row = 0;
    for (; row + 4 <= rows; row += 4) transposeFour(x + (row << 2), y + <usize>row * rowStep, columnStep, rowStep);
    for (; row < rows; row++) {
      const at = x + (row << 2);
      const to = y + <usize>row * rowStep;
      for (let q: usize = 0; q < 4; q++) store<i32>(to + (q << 2), load<i32>(at + q * columnStep));
    }
  }
  for (; column < columns; column++, x += columnStep, y += 4) {
    for (let row = 0; row < rows; row++) store<i32>(y + <usize>row * rowStep, load<i32>(x + (row << 2)));
  }
}

@inline
function transposeFour(x: usize, y: usize, columnStep: usize, rowStep: usize): void {
  const a = v128.load(x);
  const b = v128.load(x + columnStep);
  const c = v128.load(x + columnStep * 2);
  const d = v128.load(x + columnStep * 3);
  const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(y, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
  v128.store(y + rowStep, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7));
  v128.store(y + rowStep * 2, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5));
  v128.store(y + rowStep * 3, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7));
}
