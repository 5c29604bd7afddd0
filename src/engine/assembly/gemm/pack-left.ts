// The left-hand matrix of a product that uses it transposed, copied into tiles: [blocks of KC rows][tiles][rows][MR].
//
// A tile reads MR neighbours from each row. Where rows are a power of two apart, as widths of layers are, their cache
// lines fall into a few sets of the first-level cache and drive each other out before the next tile reads its part of
// them.

import { KC } from './pack';
import { MR } from './tile';

/** Rows that a chunk copies; a divisor of KC. */
export const SLICE: i32 = 32;

@inline
function paddedWidth(m: i32): i32 {
  return ((m + MR - 1) / MR) * MR;
}

/** Numbers that k rows of m take. */
export function packedLength(k: i32, m: i32): i32 {
  return k * paddedWidth(m);
}

/** Where row k0, the first of a block, begins. */
@inline
export function packedBlock(packed: usize, k0: i32, m: i32): usize {
  return packed + ((<usize>k0 * <usize>paddedWidth(m)) << 2);
}

/**
 * Copies rows k0 .. k0+SLICE, if there are as many, of a matrix [k, m]. `index`, if not 0, names them; `stride` is in
 * bytes.
 */
export function packSlice(packed: usize, a: usize, stride: usize, index: usize, k: i32, m: i32, k0: i32): void {
  const block = (k0 / KC) * KC;
  const depth = min(KC, k - block);
  const whole = m / MR;
  const step = <usize>(depth * MR) << 2;
  const target = packedBlock(packed, block, m);
  for (let p = k0; p < min(k, k0 + SLICE); p++) {
    const row = index ? load<i32>(index + (<usize>p << 2)) : p;
    let from = a + <usize>row * stride;
    let to = target + (<usize>((p - block) * MR) << 2);
    for (let tile = 0; tile < whole; tile++, from += <usize>(MR << 2), to += step) {
      v128.store(to, v128.load(from));
      for (let r: usize = 16; r < <usize>(MR << 2); r += 4) store<f32>(to + r, load<f32>(from + r));
    }
    for (let r: usize = 0; r < <usize>(m - whole * MR) << 2; r += 4) store<f32>(to + r, load<f32>(from + r));
  }
}
