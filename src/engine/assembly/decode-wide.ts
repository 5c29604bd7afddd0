// One row times 32 columns of packed weights: the product of a decoder that runs a token at a time.
//
// A tile of one row and one panel has too few sums under way to hide how long a multiply-add takes; two panels at once have
// enough. Each element is summed in order of k as in `tile`, so the bits are the same.

import { madd } from './simd';
import { NR } from './tile';

/** Columns, of as many neighbouring panels as that takes. */
export const WIDE: i32 = 32;

/** c [WIDE] = (or += where `accumulate`) a [k] * panels, which are `step` bytes apart. */
export function multiplyWide(a: usize, k: i32, panels: usize, step: usize, c: usize, accumulate: bool): void {
  // Pairs of vectors: the halves of a panel of 16, or a panel of 8.
  let b0 = panels;
  let b1 = NR == 16 ? b0 + 32 : b0 + step;
  let b2 = NR == 16 ? b0 + step : b1 + step;
  let b3 = NR == 16 ? b2 + 32 : b2 + step;
  let c0 = f32x4.splat(0);
  let c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
  const end = a + ((<usize>k) << 2);
  while (a < end) {
    const x = v128.load32_splat(a);
    c0 = madd(x, v128.load(b0), c0);
    c1 = madd(x, v128.load(b0, 16), c1);
    c2 = madd(x, v128.load(b1), c2);
    c3 = madd(x, v128.load(b1, 16), c3);
    c4 = madd(x, v128.load(b2), c4);
    c5 = madd(x, v128.load(b2, 16), c5);
    c6 = madd(x, v128.load(b3), c6);
    c7 = madd(x, v128.load(b3, 16), c7);
    a += 4;
    b0 += NR << 2;
    b1 += NR << 2;
    b2 += NR << 2;
    b3 += NR << 2;
  }
  if (accumulate) {
    c0 = f32x4.add(v128.load(c), c0);
    c1 = f32x4.add(v128.load(c, 16), c1);
    c2 = f32x4.add(v128.load(c, 32), c2);
    c3 = f32x4.add(v128.load(c, 48), c3);
    c4 = f32x4.add(v128.load(c, 64), c4);
    c5 = f32x4.add(v128.load(c, 80), c5);
    c6 = f32x4.add(v128.load(c, 96), c6);
    c7 = f32x4.add(v128.load(c, 112), c7);
  }
  v128.store(c, c0);
  v128.store(c, c1, 16);
  v128.store(c, c2, 32);
  v128.store(c, c3, 48);
  v128.store(c, c4, 64);
  v128.store(c, c5, 80);
  v128.store(c, c6, 96);
  v128.store(c, c7, 112);
}
