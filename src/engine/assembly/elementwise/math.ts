// Functions of four floats that only element-wise kernels need; the others are in `simd`.

import { exp4, madd } from '../shared/simd';

// In memory for the reason that those of `exp4` are.
const LOG_CONSTANTS: usize = memory.data<f32>([
  7.0376836292e-2, // Cephes' polynomial for (log(1 + f) - f + f^2 / 2) / f^3
  -1.151461031e-1,
  1.167699874e-1,
  -1.2420140846e-1,
  1.4249322787e-1,
  -1.6668057665e-1,
  2.0000714765e-1,
  -2.4999993993e-1,
  3.3333331174e-1,
  0.693359375, // ln 2 in two parts: the first has zeros at its end, so n times it is exact
  -2.1219444e-4,
  0.5,
  1.0,
  0.70710677, // sqrt(1/2)
  1.17549435e-38, // numbers below it have no exponent of their own
  8388608.0, // 2^23
  Infinity,
]);
const LOG_BITS: usize = memory.data<i32>([0x007fffff, 23]);

@inline
function logConstant(index: i32): v128 {
  return v128.load32_splat(LOG_CONSTANTS + (index << 2));
}

/**
 * The natural logarithm within 2 units in the last place; -Infinity of 0, NaN below it.
 *
 * x = m * 2^n with m between sqrt(1/2) and sqrt(2), and a polynomial for log(m). Source: Cephes, `logf`.
 */
@inline
export function log4(x: v128): v128 {
  const one = logConstant(12);
  const root = logConstant(13);
  const tiny = f32x4.lt(x, logConstant(14));
  const scaled = v128.bitselect(f32x4.mul(x, logConstant(15)), x, tiny);
  const shift = v128.and(tiny, v128.load32_splat(LOG_BITS + 4));
  // Exponents counted from sqrt(1/2) up, so that what is left is centred on 1.
  const above = i32x4.sub(scaled, root);
  const n = f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_s(above, 23), shift));
  const m = i32x4.add(v128.and(above, v128.load32_splat(LOG_BITS)), root);
  const f = f32x4.sub(m, one);
  const square = f32x4.mul(f, f);
  let p = logConstant(0);
  p = madd(p, f, logConstant(1));
  p = madd(p, f, logConstant(2));
  p = madd(p, f, logConstant(3));
  p = madd(p, f, logConstant(4));
  p = madd(p, f, logConstant(5));
  p = madd(p, f, logConstant(6));
  p = madd(p, f, logConstant(7));
  p = madd(p, f, logConstant(8));
  const low = madd(n, logConstant(10), f32x4.mul(f32x4.mul(p, f), square));
  const rest = f32x4.sub(low, f32x4.mul(square, logConstant(11)));
  return specialLog(x, madd(n, logConstant(9), f32x4.add(f, rest)));
}

/** Puts in what the polynomial does not give: the logarithm of 0, of what is negative, of Infinity and of NaN. */
@inline
function specialLog(x: v128, result: v128): v128 {
  const zero = f32x4.splat(0);
  const infinity = logConstant(16);
  const finite = v128.bitselect(result, x, f32x4.lt(x, infinity)); // Infinity and NaN are their own logarithms
  const positive = v128.bitselect(finite, f32x4.neg(infinity), f32x4.ne(x, zero));
  return v128.or(positive, f32x4.lt(x, zero)); // all bits set are NaN
}

/**
 * log(1 + e^x) = max(x, 0) + log(1 + e) with e = e^-|x|, within 3 units in the last place.
 *
 * 1 + e is rounded; the first-order term of what that loses is added to its logarithm.
 */
@inline
export function softplus4(x: v128): v128 {
  const one = logConstant(12);
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const sum = f32x4.add(e, one);
  const lost = f32x4.sub(e, f32x4.sub(sum, one));
  const logarithm = f32x4.add(log4(sum), f32x4.div(lost, sum));
  return f32x4.add(f32x4.max(x, f32x4.splat(0)), logarithm);
}
