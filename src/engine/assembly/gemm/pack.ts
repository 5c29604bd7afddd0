// Panels: NR columns of the right-hand matrix, zero-padded, [k][NR]. One panel of KC rows stays in the first-level
// cache while all rows of the left-hand matrix pass it.

import { scratch, SCRATCH_BYTES } from '../shared/threads';
import { NR } from './tile';

/** Rows of a panel: KC * NR floats are half of a 32 KiB cache. */
export const KC: i32 = 256;

/**
 * Reads memory in order, a number of every cache line, so that the processor fetches ahead: whoever reads or writes it
 * next goes through many short rows at once, which it does not foresee.
 */
export function touch(from: usize, bytes: usize): void {
  let sum = 0;
  for (const end = from + bytes; from < end; from += 64) sum += load<i32>(from);
  store<i32>(scratch + SCRATCH_BYTES - 4, sum); // or the compiler would leave it all out
}

/**
 * Copies rows k0 .. k0+k of a row-major matrix, columns j .. j+n. `index`, if not 0, names the rows.
 *
 * `stride` is in bytes.
 */
export function packRows(panel: usize, b: usize, stride: usize, index: usize, k0: i32, k: i32, j: i32, n: i32): void {
  const column = b + ((<usize>j) << 2);
  for (let p = 0; p < k; p++, panel += NR << 2) {
    const row = index ? load<i32>(index + ((<usize>(k0 + p)) << 2)) : k0 + p;
    const from = column + <usize>row * stride;
    if (n == NR) {
      for (let q: usize = 0; q < <usize>(NR << 2); q += 32) {
        v128.store(panel + q, v128.load(from + q));
        v128.store(panel + q, v128.load(from + q, 16), 16);
      }
    } else {
      for (let q = 0; q < NR; q++) store<f32>(panel + (q << 2), q < n ? load<f32>(from + (q << 2)) : 0);
    }
  }
}

/** The same of a matrix stored transposed, [column][k]: what `x * W^T` needs of W as Hugging Face stores it. */
export function packColumns(panel: usize, b: usize, stride: usize, k0: i32, k: i32, j: i32, n: i32): void {
  const start = b + ((<usize>k0) << 2);
  let q = 0;
  for (; q + 4 <= n; q += 4) packFourColumns(panel + (q << 2), start + <usize>(j + q) * stride, stride, k);
  for (; q < NR; q++) {
    const from = start + <usize>(j + q) * stride;
    for (let p = 0; p < k; p++)
      store<f32>(panel + ((p * NR + q) << 2), q < n ? load<f32>(from + ((<usize>p) << 2)) : 0);
  }
}

/** Four columns, transposed four by four. */
function packFourColumns(panel: usize, c0: usize, stride: usize, k: i32): void {
  const c1 = c0 + stride;
  const c2 = c1 + stride;
  const c3 = c2 + stride;
  const step: usize = NR << 2;
  let p = 0;
  let at: usize = 0;
  for (; p + 4 <= k; p += 4, at += 16, panel += step << 2) {
    const a = v128.load(c0 + at);
    const b = v128.load(c1 + at);
    const c = v128.load(c2 + at);
    const d = v128.load(c3 + at);
    const ab01 = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const ab23 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd01 = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
    const cd23 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(panel, v128.shuffle<f32>(ab01, cd01, 0, 1, 4, 5));
    v128.store(panel + step, v128.shuffle<f32>(ab01, cd01, 2, 3, 6, 7));
    v128.store(panel + step * 2, v128.shuffle<f32>(ab23, cd23, 0, 1, 4, 5));
    v128.store(panel + step * 3, v128.shuffle<f32>(ab23, cd23, 2, 3, 6, 7));
  }
  for (; p < k; p++, at += 4, panel += step) {
    store<f32>(panel, load<f32>(c0 + at));
    store<f32>(panel, load<f32>(c1 + at), 4);
    store<f32>(panel, load<f32>(c2 + at), 8);
    store<f32>(panel, load<f32>(c3 + at), 12);
  }
}
