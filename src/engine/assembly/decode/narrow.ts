// One or two rows times a panel of weights of 16 or 8 bits, and a panel made float32 for more rows.
//
// Each element is summed in order of k, of the weights as float32: the bits are those of `wide.ts` with such weights.

import { BLOCK, Format, SCALES, WIDE } from './weights';
import { storeEight } from './wide';
import { madd } from '../shared/simd';
import { NR } from '../gemm/tile';

// Loaded where they are used: V8 makes a constant vector of two 64-bit numbers each time.
const MASKS: usize = memory.data<u32>([0xffff0000, 0x87f00000]);

@inline
function upperHalves(): v128 {
  return v128.load32_splat(MASKS);
}

/** The sign and the seven bits of an E4M3 number behind four copies of its sign. */
@inline
function floatBits(): v128 {
  return v128.load32_splat(MASKS, 4);
}

/** A byte of each word as float32, 2^120 times too small; `left` bits lie above it. */
@inline
function tinyFloats(words: v128, left: i32, bits: v128): v128 {
  return v128.and(i32x4.shr_s(left ? i32x4.shl(words, left) : words, 4), bits);
}

/** c [WIDE] = (or += where `accumulate`) a [k] * panel. */
export function multiplyBfloat16(a: usize, k: i32, panel: usize, c: usize, accumulate: bool): void {
  const upper = upperHalves();
  let c0 = f32x4.splat(0);
  let c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
  for (const end = a + ((<usize>k) << 2); a < end; a += 4, panel += 64) {
    const x = v128.load32_splat(a);
    const w0 = v128.load(panel);
    const w1 = v128.load(panel, 16);
    c0 = madd(x, i32x4.shl(w0, 16), c0);
    c1 = madd(x, i32x4.shl(w1, 16), c1);
    c2 = madd(x, v128.and(w0, upper), c2);
    c3 = madd(x, v128.and(w1, upper), c3);
    const w2 = v128.load(panel, 32);
    const w3 = v128.load(panel, 48);
    c4 = madd(x, i32x4.shl(w2, 16), c4);
    c5 = madd(x, i32x4.shl(w3, 16), c5);
    c6 = madd(x, v128.and(w2, upper), c6);
    c7 = madd(x, v128.and(w3, upper), c7);
  }
  storeEight(c, c0, c1, c2, c3, c4, c5, c6, c7, accumulate);
}

/** The same for rows a0 and a1, into c0 and c1. */
export function multiplyBfloat16Two(a0: usize, a1: usize, k: i32, panel: usize, c0: usize, c1: usize, accumulate: bool): void {
  const upper = upperHalves();
  let x0 = f32x4.splat(0);
  let x1 = x0, x2 = x0, x3 = x0, x4 = x0, x5 = x0, x6 = x0, x7 = x0;
  let y0 = x0, y1 = x0, y2 = x0, y3 = x0, y4 = x0, y5 = x0, y6 = x0, y7 = x0;
  for (const end = a0 + ((<usize>k) << 2); a0 < end; a0 += 4, a1 += 4, panel += 64) {
    const x = v128.load32_splat(a0);
    const y = v128.load32_splat(a1);
    const w0 = v128.load(panel);
    const w1 = v128.load(panel, 16);
    const l0 = i32x4.shl(w0, 16);
    const l1 = i32x4.shl(w1, 16);
    x0 = madd(x, l0, x0);
    x1 = madd(x, l1, x1);
    y0 = madd(y, l0, y0);
    y1 = madd(y, l1, y1);
    const u0 = v128.and(w0, upper);
    const u1 = v128.and(w1, upper);
    x2 = madd(x, u0, x2);
    x3 = madd(x, u1, x3);
    y2 = madd(y, u0, y2);
    y3 = madd(y, u1, y3);
    const w2 = v128.load(panel, 32);
    const w3 = v128.load(panel, 48);
    const l2 = i32x4.shl(w2, 16);
    const l3 = i32x4.shl(w3, 16);
    x4 = madd(x, l2, x4);
    x5 = madd(x, l3, x5);
    y4 = madd(y, l2, y4);
    y5 = madd(y, l3, y5);
    const u2 = v128.and(w2, upper);
    const u3 = v128.and(w3, upper);
    x6 = madd(x, u2, x6);
    x7 = madd(x, u3, x7);
    y6 = madd(y, u2, y6);
    y7 = madd(y, u3, y7);
  }
  storeEight(c0, x0, x1, x2, x3, x4, x5, x6, x7, accumulate);
  storeEight(c1, y0, y1, y2, y3, y4, y5, y6, y7, accumulate);
}

/** c [WIDE] = (or += where `accumulate`) a [k] * panel; the first segment begins at input `offset` of its block. */
export function multiplyFp8(a: usize, k: i32, panel: usize, offset: i32, c: usize, accumulate: bool): void {
  const bits = floatBits();
  let c0 = f32x4.splat(0);
  let c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
  for (let left = k, length = BLOCK - offset; left > 0; left -= length, length = BLOCK) {
    const s = panel;
    panel += SCALES;
    for (const end = a + ((<usize>min(left, length)) << 2); a < end; a += 4, panel += 32) {
      const x = v128.load32_splat(a);
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      c0 = madd(x, f32x4.mul(tinyFloats(w0, 24, bits), v128.load(s)), c0);
      c1 = madd(x, f32x4.mul(tinyFloats(w1, 24, bits), v128.load(s, 16)), c1);
      c2 = madd(x, f32x4.mul(tinyFloats(w0, 16, bits), v128.load(s, 32)), c2);
      c3 = madd(x, f32x4.mul(tinyFloats(w1, 16, bits), v128.load(s, 48)), c3);
      c4 = madd(x, f32x4.mul(tinyFloats(w0, 8, bits), v128.load(s, 64)), c4);
      c5 = madd(x, f32x4.mul(tinyFloats(w1, 8, bits), v128.load(s, 80)), c5);
      c6 = madd(x, f32x4.mul(tinyFloats(w0, 0, bits), v128.load(s, 96)), c6);
      c7 = madd(x, f32x4.mul(tinyFloats(w1, 0, bits), v128.load(s, 112)), c7);
    }
  }
  storeEight(c, c0, c1, c2, c3, c4, c5, c6, c7, accumulate);
}

/** The same for rows a0 and a1, into c0 and c1. */
export function multiplyFp8Two(
  a0: usize,
  a1: usize,
  k: i32,
  panel: usize,
  offset: i32,
  c0: usize,
  c1: usize,
  accumulate: bool,
): void {
  const bits = floatBits();
  let x0 = f32x4.splat(0);
  let x1 = x0, x2 = x0, x3 = x0, x4 = x0, x5 = x0, x6 = x0, x7 = x0;
  let y0 = x0, y1 = x0, y2 = x0, y3 = x0, y4 = x0, y5 = x0, y6 = x0, y7 = x0;
  for (let left = k, length = BLOCK - offset; left > 0; left -= length, length = BLOCK) {
    const s = panel;
    panel += SCALES;
    for (const end = a0 + ((<usize>min(left, length)) << 2); a0 < end; a0 += 4, a1 += 4, panel += 32) {
      const x = v128.load32_splat(a0);
      const y = v128.load32_splat(a1);
      const w0 = v128.load(panel);
      const w1 = v128.load(panel, 16);
      const p0 = f32x4.mul(tinyFloats(w0, 24, bits), v128.load(s));
      const p1 = f32x4.mul(tinyFloats(w1, 24, bits), v128.load(s, 16));
      x0 = madd(x, p0, x0);
      x1 = madd(x, p1, x1);
      y0 = madd(y, p0, y0);
      y1 = madd(y, p1, y1);
      const p2 = f32x4.mul(tinyFloats(w0, 16, bits), v128.load(s, 32));
      const p3 = f32x4.mul(tinyFloats(w1, 16, bits), v128.load(s, 48));
      x2 = madd(x, p2, x2);
      x3 = madd(x, p3, x3);
      y2 = madd(y, p2, y2);
      y3 = madd(y, p3, y3);
      const p4 = f32x4.mul(tinyFloats(w0, 8, bits), v128.load(s, 64));
      const p5 = f32x4.mul(tinyFloats(w1, 8, bits), v128.load(s, 80));
      x4 = madd(x, p4, x4);
      x5 = madd(x, p5, x5);
      y4 = madd(y, p4, y4);
      y5 = madd(y, p5, y5);
      const p6 = f32x4.mul(tinyFloats(w0, 0, bits), v128.load(s, 96));
      const p7 = f32x4.mul(tinyFloats(w1, 0, bits), v128.load(s, 112));
      x6 = madd(x, p6, x6);
      x7 = madd(x, p7, x7);
      y6 = madd(y, p6, y6);
      y7 = madd(y, p7, y7);
    }
  }
  storeEight(c0, x0, x1, x2, x3, x4, x5, x6, x7, accumulate);
  storeEight(c1, y0, y1, y2, y3, y4, y5, y6, y7, accumulate);
}

/** Makes a panel float32: [WIDE / NR] panels of [k][NR], for the micro-kernels. */
export function unpackPanel(format: Format, panel: usize, k: i32, offset: i32, to: usize): void {
  if (format == Format.Bfloat16) {
    const upper = upperHalves();
    for (let p = 0; p < k; p++, panel += 64) {
      for (let half: usize = 0; half < 2; half++) {
        const w0 = v128.load(panel + half * 32);
        const w1 = v128.load(panel + half * 32, 16);
        storeOutputs(to, k, p, <i32>half * 16, i32x4.shl(w0, 16), i32x4.shl(w1, 16));
        storeOutputs(to, k, p, <i32>half * 16 + 8, v128.and(w0, upper), v128.and(w1, upper));
      }
    }
    return;
  }
  const bits = floatBits();
  let s = panel;
  for (let p = 0; p < k; p++, panel += 32) {
    if (p == 0 || (p + offset) % BLOCK == 0) {
      s = panel;
      panel += SCALES;
    }
    const w0 = v128.load(panel);
    const w1 = v128.load(panel, 16);
    storeScaled(to, k, p, 0, tinyFloats(w0, 24, bits), tinyFloats(w1, 24, bits), s);
    storeScaled(to, k, p, 8, tinyFloats(w0, 16, bits), tinyFloats(w1, 16, bits), s);
    storeScaled(to, k, p, 16, tinyFloats(w0, 8, bits), tinyFloats(w1, 8, bits), s);
    storeScaled(to, k, p, 24, tinyFloats(w0, 0, bits), tinyFloats(w1, 0, bits), s);
  }
}

@inline
function storeScaled(to: usize, k: i32, p: i32, first: i32, v0: v128, v1: v128, scales: usize): void {
  const s = scales + ((<usize>first) << 2);
  storeOutputs(to, k, p, first, f32x4.mul(v0, v128.load(s)), f32x4.mul(v1, v128.load(s, 16)));
}

/** Outputs `first` to `first + 7` of input p. */
@inline
function storeOutputs(to: usize, k: i32, p: i32, first: i32, v0: v128, v1: v128): void {
  const at = to + (<usize>((first / NR) * k * NR + p * NR + (first % NR)) << 2);
  v128.store(at, v0);
  v128.store(at, v1, 16);
}
