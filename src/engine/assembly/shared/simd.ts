// Arithmetic on four floats. V8's revectorizer makes eight of them where loads, operations and stores come in pairs.

/** a * b + c, rounded once where the variant has relaxed SIMD. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
}

/** The sum of the four, always in the same order. */
@inline
export function horizontalSum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

@inline
export function horizontalMax(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

// V8 builds a constant vector from two 64-bit numbers wherever it is used, which costs more than the arithmetic with
// it; loading a number from memory into all lanes is one instruction.
const EXP_CONSTANTS: usize = memory.data<f32>([
  1.0 / 5040.0,
  1.0 / 720.0,
  1.0 / 120.0,
  1.0 / 24.0,
  1.0 / 6.0,
  0.5,
  1.0,
  1.4426950408889634, // 1 / ln 2
  12582912.0, // 1.5 * 2^23: the sum with a small number has its nearest integer in the lowest bits
  -0.693145751953125, // -ln 2 in two parts: the first has zeros at its end, so n times it is exact
  -1.428606765330187e-6,
  -87.33654, // below it results are too small to have an exponent of their own
  88.72284, // above it they are too large
  Infinity,
]);

@inline
function expConstant(index: i32): v128 {
  return v128.load32_splat(EXP_CONSTANTS + (index << 2));
}

/**
 * e^x within 2 units in the last place; 0 below -87.3, Infinity above 88.7, NaN stays NaN.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 7, times 2^n by adding n to its exponent.
 */
@inline
export function exp4(x: v128): v128 {
  const rounder = expConstant(8);
  const rounded = madd(x, expConstant(7), rounder);
  const n = f32x4.sub(rounded, rounder);
  const r = madd(n, expConstant(10), madd(n, expConstant(9), x));
  const one = expConstant(6);
  let p = expConstant(0);
  p = madd(p, r, expConstant(1));
  p = madd(p, r, expConstant(2));
  p = madd(p, r, expConstant(3));
  p = madd(p, r, expConstant(4));
  p = madd(p, r, expConstant(5));
  p = madd(p, r, one);
  p = madd(p, r, one);
  // The lowest bits of `rounded` are n; shifted into the exponent, all others are gone.
  const scaled = i32x4.add(p, i32x4.shl(rounded, 23));
  const enough = v128.and(scaled, f32x4.ge(x, expConstant(11)));
  const tooMuch = f32x4.add(x, expConstant(13)); // Infinity, or NaN of NaN
  return v128.bitselect(enough, tooMuch, f32x4.le(x, expConstant(12)));
}

/** e^x of one float, with the bits of `exp4`. */
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** 1 / (1 + e^-x). */
@inline
export function sigmoid4(x: v128): v128 {
  const one = expConstant(6);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

@inline
export function sigmoid1(x: f32): f32 {
  return f32x4.extract_lane(sigmoid4(f32x4.splat(x)), 0);
}

/** a * b summed over `length` elements, always in the same order. */
export function dot(a: usize, b: usize, length: i32): f32 {
  let sums = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = (<usize>i) << 2;
    sums = madd(v128.load(a + at), v128.load(b + at), sums);
  }
  let sum = horizontalSum(sums);
  for (; i < length; i++) sum += load<f32>(a + ((<usize>i) << 2)) * load<f32>(b + ((<usize>i) << 2));
  return sum;
}
