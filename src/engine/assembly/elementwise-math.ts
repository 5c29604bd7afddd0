// Functions of four floats that only element-wise kernels need; the others are in `simd`.

import { exp4, madd } from './simd';

/**
 * The natural logarithm within 2 units in the last place; -Infinity of 0, NaN below it.
 *
 * x = m * 2^n with m between sqrt(1/2) and sqrt(2); the polynomial for log(1 + f) is that of Cephes' `logf`.
 */
export function log4(x: v128): v128 {
  // Numbers too small to have an exponent of their own are made larger first.
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const scaled = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny);
  // Counted from sqrt(1/2) up, so that the remainder is centred on 1.
  const above = i32x4.sub(scaled, i32x4.splat(0x3f3504f3));
  const shift = v128.and(tiny, f32x4.splat(23));
  const n = f32x4.sub(f32x4.convert_i32x4_s(i32x4.shr_s(above, 23)), shift);
  const m = i32x4.add(v128.and(above, i32x4.splat(0x007fffff)), i32x4.splat(0x3f3504f3));
  const f = f32x4.sub(m, f32x4.splat(1));
  const square = f32x4.mul(f, f);
  let p = f32x4.splat(7.0376836292e-2);
  p = madd(p, f, f32x4.splat(-1.151461031e-1));
  p = madd(p, f, f32x4.splat(1.1676998740e-1));
  p = madd(p, f, f32x4.splat(-1.2420140846e-1));
  p = madd(p, f, f32x4.splat(1.4249322787e-1));
  p = madd(p, f, f32x4.splat(-1.6668057665e-1));
  p = madd(p, f, f32x4.splat(2.0000714765e-1));
  p = madd(p, f, f32x4.splat(-2.4999993993e-1));
  p = madd(p, f, f32x4.splat(3.3333331174e-1));
  // ln 2 in two parts: the first has zeros at its end, so n times it is exact.
  const low = madd(n, f32x4.splat(-2.12194440e-4), f32x4.mul(f32x4.mul(p, f), square));
  const rest = f32x4.sub(low, f32x4.mul(square, f32x4.splat(0.5)));
  const result = madd(n, f32x4.splat(0.693359375), f32x4.add(f, rest));
  return specialLog(x, result);
}

/** Puts in what the polynomial does not give: log 0, of what is negative, of Infinity and of NaN. */
// @ts-ignore: decorator
@inline
function specialLog(x: v128, result: v128): v128 {
  const zero = f32x4.splat(0);
  const known = v128.bitselect(f32x4.splat(-Infinity), result, f32x4.eq(x, zero));
  const positive = v128.bitselect(x, known, f32x4.eq(x, f32x4.splat(Infinity)));
  return v128.bitselect(positive, f32x4.splat(NaN), f32x4.ge(x, zero));
}

/**
 * log(1 + e^x) = max(x, 0) + log(1 + e) with e = e^-|x|, within 4 units in the last place.
 *
 * 1 + e is rounded; the first-order term of what that loses is added to its logarithm.
 */
export function softplus4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const sum = f32x4.add(e, f32x4.splat(1));
  const lost = f32x4.sub(e, f32x4.sub(sum, f32x4.splat(1)));
  const logarithm = f32x4.add(log4(sum), f32x4.div(lost, sum));
  return f32x4.add(f32x4.max(x, f32x4.splat(0)), logarithm);
}
