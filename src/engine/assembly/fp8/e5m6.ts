// Codes of E5M6, twelve bits each: a sign, five bits of exponent, six of mantissa. A tile has the upper eight bits of its
// numbers one after the other, and then the lower four, those of number i and of number i + 8 in one byte.
//
// As in `codes`, a code is moved to the place of a float32's exponent and mantissa, where it is x * 2^-112.

/** Bytes of a tile: its scale, sixteen bytes and sixteen halves. */
export const WIDE_TILE: usize = 28;

/** Where an E5M6 number's last bit is among a float32's. */
const SHIFT: i32 = 17;
const POWERS: usize = memory.data<i32>([15 << 23, 239 << 23]); // 2^-112, 2^112
const DECODE_MASK: usize = memory.data<i32>([-0x70020000]); // 0x8ffe0000: the sign, exponent and mantissa

/** Stores a scale, in all lanes, and the codes of sixteen numbers that are rounded to E5M6. */
@inline
export function storeWideCodes(coded: usize, scale: v128, a: v128, b: v128, c: v128, d: v128): void {
  const ca = codesOf(a);
  const cb = codesOf(b);
  const cc = codesOf(c);
  const cd = codesOf(d);
  const four = i32x4.splat(15);
  const upper0 = i16x8.narrow_i32x4_u(i32x4.shr_u(ca, 4), i32x4.shr_u(cb, 4));
  const upper1 = i16x8.narrow_i32x4_u(i32x4.shr_u(cc, 4), i32x4.shr_u(cd, 4));
  const lower0 = i16x8.narrow_i32x4_u(v128.and(ca, four), v128.and(cb, four));
  const lower1 = i16x8.narrow_i32x4_u(v128.and(cc, four), v128.and(cd, four));
  const halves = v128.or(lower0, i16x8.shl(lower1, 4));
  v128.store_lane<f32>(coded, scale, 0);
  v128.store(coded, i8x16.narrow_i16x8_u(upper0, upper1), 4);
  v128.store64_lane(coded, i8x16.narrow_i16x8_u(halves, halves), 0, 20);
}

/** Twelve bits in each lane. */
@inline
function codesOf(rounded: v128): v128 {
  const magnitude = f32x4.abs(f32x4.mul(rounded, v128.load32_splat(POWERS)));
  const sign = v128.and(i32x4.shr_u(rounded, 20), i32x4.splat(0x800));
  return v128.or(i32x4.shr_u(magnitude, SHIFT), sign);
}

/** The sixteen numbers of a tile, times its scale. */
@inline
export function decodeWideTile(coded: usize, y: usize): void {
  const scale = v128.load32_splat(coded);
  const upper = v128.load(coded, 4);
  const halves = v128.load64_zero(coded, 20);
  const first = i8x16.shl(halves, 4); // each in the upper half of its byte
  const lower = v128.shuffle<i8>(first, halves, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
  // The highest bytes of a lane are those of its code; the mask drops what is in the others.
  const a = v128.shuffle<i8>(lower, upper, 0, 0, 0, 16, 0, 0, 1, 17, 0, 0, 2, 18, 0, 0, 3, 19);
  const b = v128.shuffle<i8>(lower, upper, 0, 0, 4, 20, 0, 0, 5, 21, 0, 0, 6, 22, 0, 0, 7, 23);
  const c = v128.shuffle<i8>(lower, upper, 0, 0, 8, 24, 0, 0, 9, 25, 0, 0, 10, 26, 0, 0, 11, 27);
  const d = v128.shuffle<i8>(lower, upper, 0, 0, 12, 28, 0, 0, 13, 29, 0, 0, 14, 30, 0, 0, 15, 31);
  v128.store(y, decode4(a, scale));
  v128.store(y, decode4(b, scale), 16);
  v128.store(y, decode4(c, scale), 32);
  v128.store(y, decode4(d, scale), 48);
}

/** Of codes in the highest twelve bits of each lane. */
@inline
function decode4(codes: v128, scale: v128): v128 {
  const bits = v128.and(i32x4.shr_s(codes, 3), v128.load32_splat(DECODE_MASK));
  return f32x4.mul(f32x4.mul(bits, v128.load32_splat(POWERS, 4)), scale);
}
