// Arithmetic on four floats. V8's revectorizer makes eight of them where loads, operations and stores come in pairs.

/** a * b + c, rounded once where the variant has relaxed SIMD. */
// @ts-ignore: decorator
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(f32x4.mul(a, b), c);
}

/** The sum of the four, always in the same order. */
// @ts-ignore: decorator
@inline
export function horizontalSum(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

// @ts-ignore: decorator
@inline
export function horizontalMax(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

// Constants of `exp4` and `sigmoid4`. V8 puts a vector constant together again, in seven instructions, wherever it is used; to load
// one takes a single instruction.
const MOST: usize = memory.data<f32>([89]);
const LEAST: usize = memory.data<f32>([-88]);
const UNDERFLOW: usize = memory.data<f32>([-87.33654]);
const LOG2_E: usize = memory.data<f32>([1.4426950408889634]);
/** 1.5 * 2^23: adding it rounds to an integer, which is then in the low bits of the sum. */
const ROUNDER: usize = memory.data<f32>([12582912]);
/** ln 2 in two parts: the first has zeros at its end, so an integer times it is exact. */
const LN2_HIGH: usize = memory.data<f32>([0.693145751953125]);
const LN2_LOW: usize = memory.data<f32>([1.428606765330187e-6]);
/** 1/7!, 1/6!, ... 1/0!. */
const TAYLOR: usize = memory.data<f32>([
  0.0001984126984126984, 0.001388888888888889, 0.008333333333333333, 0.041666666666666664, 0.16666666666666666, 0.5, 1,
  1,
]);
const ONE: usize = memory.data<f32>([1]);
const EXPONENT_BIAS: usize = memory.data<i32>([127]);

/**
 * e^x within 2 units in the last place; 0 below -87.3, Infinity above 88.7, NaN stays NaN.
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2; e^r by its Taylor polynomial of degree 7, 2^n by the exponent bits in two halves.
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  // Unlike min and max, these leave NaN as it is and are one instruction each.
  const inRange = f32x4.pmax(f32x4.pmin(x, v128.load32_splat(MOST)), v128.load32_splat(LEAST));
  const rounder = v128.load32_splat(ROUNDER);
  const shifted = madd(inRange, v128.load32_splat(LOG2_E), rounder);
  const n = f32x4.sub(shifted, rounder);
  const high = f32x4.sub(inRange, f32x4.mul(n, v128.load32_splat(LN2_HIGH)));
  const r = f32x4.sub(high, f32x4.mul(n, v128.load32_splat(LN2_LOW)));
  let p = v128.load32_splat(TAYLOR);
  p = madd(p, r, v128.load32_splat(TAYLOR, 4));
  p = madd(p, r, v128.load32_splat(TAYLOR, 8));
  p = madd(p, r, v128.load32_splat(TAYLOR, 12));
  p = madd(p, r, v128.load32_splat(TAYLOR, 16));
  p = madd(p, r, v128.load32_splat(TAYLOR, 20));
  p = madd(p, r, v128.load32_splat(TAYLOR, 24));
  p = madd(p, r, v128.load32_splat(TAYLOR, 28));
  const exponent = i32x4.sub(shifted, rounder);
  const half = i32x4.shr_s(exponent, 1);
  const rest = i32x4.sub(exponent, half);
  const bias = v128.load32_splat(EXPONENT_BIAS);
  const scaled = f32x4.mul(
    f32x4.mul(p, i32x4.shl(i32x4.add(half, bias), 23)),
    i32x4.shl(i32x4.add(rest, bias), 23),
  );
  return v128.andnot(scaled, f32x4.lt(x, v128.load32_splat(UNDERFLOW)));
}

/** e^x of one float, with the bits of `exp4`. */
// @ts-ignore: decorator
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** 1 / (1 + e^-x). */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const one = v128.load32_splat(ONE);
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))));
}

// @ts-ignore: decorator
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
