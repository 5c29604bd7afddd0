// Rounding to 8 bits, four numbers at a time: divided by the scale of their tile, rounded, ties to even.
//
// A number of magnitude 2^e .. 2^(e+1) loses what lies below 2^(e - mantissaBits) when 1.5 * 2^(e + 23 - mantissaBits)
// is added and subtracted again: that is the last place of the sum, and float32 rounds it to even. Below the smallest
// normal number of the format, e stays at its exponent. Nothing has to be cut off at the largest number: the scale is
// such that the largest of a tile becomes just that.

/** A format, as the functions here want it. */
@unmanaged
export class Format {
  largest: f32;
  /** The smallest normal number. */
  least: f32;
  /** 1.5 * 2^(23 - mantissaBits). */
  shifter: f32;
  /** What is added to the bits of a scale, and which of them stay: nothing and all, or up to the next power of two. */
  scaleUp: i32;
  scaleMask: i32;
}

/** As in src/precision/quantize.ts: a tile of zeros is not divided by zero. */
export const LEAST_AMAX: f32 = 1e-30;

// Constants in memory: V8 would build each from two 64-bit numbers wherever it is used (shared/simd.ts).
const CONSTANTS: usize = memory.data<i32>([0x7fffffff, 0x7f800000, -0x80000000]);

/** All bits but the sign. */
@inline
export function magnitudeBits(): v128 {
  return v128.load32_splat(CONSTANTS);
}

@inline
export function exponentBits(): v128 {
  return v128.load32_splat(CONSTANTS, 4);
}

@inline
export function signBit(): v128 {
  return v128.load32_splat(CONSTANTS, 8);
}

export function setFormat(format: Format, mantissaBits: i32, minExponent: i32, largest: f32): void {
  format.largest = largest;
  format.least = reinterpret<f32>((minExponent + 127) << 23);
  format.shifter = 1.5 * reinterpret<f32>((23 - mantissaBits + 127) << 23);
  format.scaleUp = 0;
  format.scaleMask = -1;
}

/** Rounds the scales of a format, which is set, up to powers of two. */
export function setPowerOfTwoScales(format: Format): void {
  format.scaleUp = 0x7fffff;
  format.scaleMask = 0x7f800000;
}

/** The scale of a tile whose largest magnitude is in all lanes; NaN where that is infinite. */
@inline
export function scaleOf(format: Format, most: v128): v128 {
  const scale = f32x4.div(most, f32x4.splat(format.largest));
  const rounded = v128.and(i32x4.add(scale, i32x4.splat(format.scaleUp)), i32x4.splat(format.scaleMask));
  return f32x4.add(rounded, f32x4.mul(most, f32x4.splat(0)));
}

/**
 * The larger magnitude, lane by lane. Bits of magnitudes are ordered as integers, NaN last, so that a NaN spoils its
 * tile.
 */
@inline
export function largerMagnitude(most: v128, x: v128, magnitude: v128): v128 {
  return i32x4.max_u(most, v128.and(x, magnitude));
}

/** The largest of the four lanes, in each of them. */
@inline
export function largestLane(most: v128): v128 {
  const pairs = i32x4.max_u(most, v128.shuffle<i32>(most, most, 2, 3, 0, 1));
  return i32x4.max_u(pairs, v128.shuffle<i32>(pairs, pairs, 1, 0, 3, 2));
}

/** x / scale, rounded; zero keeps its sign. `least` and `shifter` are those of the format, in all lanes. */
@inline
export function round4(x: v128, scale: v128, least: v128, shifter: v128, exponent: v128, sign: v128): v128 {
  const t = f32x4.div(x, scale);
  const shift = f32x4.mul(i32x4.max_s(v128.and(t, exponent), least), shifter);
  return v128.or(f32x4.sub(f32x4.add(t, shift), shift), v128.and(t, sign));
}
