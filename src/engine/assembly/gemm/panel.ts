// Rows of the left-hand matrix times one packed panel: the loop around the micro-kernels of `tile`.

import { scratch } from '../shared/threads';
import { KC } from './pack';
import { MR, NR, tileColumns, tilePacked, tileRows } from './tile';

/** How the left-hand matrix lies in memory. */
export const enum Left {
  /** Element (i, k) is in row i. */
  Rows,
  /** Element (i, k) is in row k: the matrix is used transposed. */
  Columns,
  /** The matrix is used transposed; `a` points at a block of `pack-left`. */
  Packed,
}

// Scratch of a thread: one panel, then one tile for the columns at the edge.
const EDGE: usize = KC * NR * 4;

@inline
export function scratchPanel(): usize {
  return scratch;
}

/**
 * C[i0 .. i1, 0 .. n] = (or += where `accumulate`) A[i, k0 .. k0+k] * panel.
 *
 * `index`, if not 0, names the rows of A in memory; only `Rows` knows one. For `Packed`, i0 is a multiple of MR.
 * Strides are in bytes; `c` points at the first of the n <= NR columns of row 0. Every element is summed in order of k,
 * whatever the tiles: results do not depend on where i0 and i1 are.
 */
export function multiplyPanel(
  left: Left,
  a: usize,
  strideA: usize,
  index: usize,
  i0: i32,
  i1: i32,
  k0: i32,
  k: i32,
  panel: usize,
  c: usize,
  strideC: usize,
  n: i32,
  accumulate: bool,
): void {
  const edge = scratch + EDGE;
  for (let i = i0; i < i1; i += MR) {
    const rows = min(MR, i1 - i);
    const target = c + <usize>i * strideC;
    const whole = n == NR;
    const out = whole ? target : edge;
    const strideOut = whole ? strideC : <usize>(NR << 2);
    const add = whole && accumulate;
    if (left == Left.Rows) {
      tileRows(rows, a + (<usize>k0 << 2), strideA, index, i, panel, k, out, strideOut, add);
    } else if (left == Left.Columns) {
      tileColumns(rows, a + (<usize>i << 2) + <usize>k0 * strideA, strideA, panel, k, out, strideOut, add);
    } else {
      tilePacked(rows, a + ((<usize>i * <usize>k) << 2), panel, k, out, strideOut, add);
    }
    if (!whole) copyEdge(edge, target, strideC, rows, n, accumulate);
  }
}

function copyEdge(edge: usize, target: usize, strideC: usize, rows: i32, n: i32, accumulate: bool): void {
  for (let r = 0; r < rows; r++, edge += NR << 2, target += strideC) {
    for (let q: usize = 0; q < <usize>n << 2; q += 4) {
      const value = load<f32>(edge + q);
      store<f32>(target + q, accumulate ? load<f32>(target + q) + value : value);
    }
  }
}
