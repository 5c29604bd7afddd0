// One or two rows times WIDE columns of packed float32 weights: the products of a decoder that runs a token at a time,
// or a token and a draft.
//
// A tile of so few rows and one panel has too few sums under way to hide how long a multiply-add takes; two panels at
// once have enough. Each element is summed in order of k as in `tile`, so the bits are the same.

import { madd } from '../shared/simd';
import { NR } from '../gemm/tile';

/** c [WIDE] = (or += where `accumulate`) a [k] * neighbouring panels, which are `step` bytes apart. */
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
  storeEight(c, c0, c1, c2, c3, c4, c5, c6, c7, accumulate);
}

/** The same for rows a0 and a1, into c0 and c1. */
export function multiplyWideTwo(
  a0: usize,
  a1: usize,
  k: i32,
  panels: usize,
  step: usize,
  c0: usize,
  c1: usize,
  accumulate: bool,
): void {
  let b0 = panels;
  let b1 = NR == 16 ? b0 + 32 : b0 + step;
  let b2 = NR == 16 ? b0 + step : b1 + step;
  let b3 = NR == 16 ? b2 + 32 : b2 + step;
  let x0 = f32x4.splat(0);
  let x1 = x0, x2 = x0, x3 = x0, x4 = x0, x5 = x0, x6 = x0, x7 = x0;
  let y0 = x0, y1 = x0, y2 = x0, y3 = x0, y4 = x0, y5 = x0, y6 = x0, y7 = x0;
  const end = a0 + ((<usize>k) << 2);
  while (a0 < end) {
    const x = v128.load32_splat(a0);
    const y = v128.load32_splat(a1);
    const w0 = v128.load(b0);
    const w1 = v128.load(b0, 16);
    x0 = madd(x, w0, x0);
    x1 = madd(x, w1, x1);
    y0 = madd(y, w0, y0);
    y1 = madd(y, w1, y1);
    const w2 = v128.load(b1);
    const w3 = v128.load(b1, 16);
    x2 = madd(x, w2, x2);
    x3 = madd(x, w3, x3);
    y2 = madd(y, w2, y2);
    y3 = madd(y, w3, y3);
    const w4 = v128.load(b2);
    const w5 = v128.load(b2, 16);
    x4 = madd(x, w4, x4);
    x5 = madd(x, w5, x5);
    y4 = madd(y, w4, y4);
    y5 = madd(y, w5, y5);
    const w6 = v128.load(b3);
    const w7 = v128.load(b3, 16);
    x6 = madd(x, w6, x6);
    x7 = madd(x, w7, x7);
    y6 = madd(y, w6, y6);
    y7 = madd(y, w7, y7);
    a0 += 4;
    a1 += 4;
    b0 += NR << 2;
    b1 += NR << 2;
    b2 += NR << 2;
    b3 += NR << 2;
  }
  storeEight(c0, x0, x1, x2, x3, x4, x5, x6, x7, accumulate);
  storeEight(c1, y0, y1, y2, y3, y4, y5, y6, y7, accumulate);
}

@inline
export function storeEight(
  c: usize,
  v0: v128,
  v1: v128,
  v2: v128,
  v3: v128,
  v4: v128,
  v5: v128,
  v6: v128,
  v7: v128,
  accumulate: bool,
): void {
  if (accumulate) {
    v0 = f32x4.add(v128.load(c), v0);
    v1 = f32x4.add(v128.load(c, 16), v1);
    v2 = f32x4.add(v128.load(c, 32), v2);
    v3 = f32x4.add(v128.load(c, 48), v3);
    v4 = f32x4.add(v128.load(c, 64), v4);
    v5 = f32x4.add(v128.load(c, 80), v5);
    v6 = f32x4.add(v128.load(c, 96), v6);
    v7 = f32x4.add(v128.load(c, 112), v7);
  }
  v128.store(c, v0);
  v128.store(c, v1, 16);
  v128.store(c, v2, 32);
  v128.store(c, v3, 48);
  v128.store(c, v4, 64);
  v128.store(c, v5, 80);
  v128.store(c, v6, 96);
  v128.store(c, v7, 112);
}
