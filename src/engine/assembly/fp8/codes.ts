// Codes of E4M3, a byte each: a sign, four bits of exponent, three of mantissa.
//
// Shifted to the place of a float32's exponent and mantissa, the code of x is x * 2^-120, normal or not, so one product
// with a power of two leads from one to the other, without rounding. A NaN keeps no payload.

/** Bytes of a tile: its scale and sixteen codes. */
export const CODED_TILE: usize = 20;

/** Where an E4M3 number's last bit is among a float32's. */
const SHIFT: i32 = 20;
const POWERS: usize = memory.data<i32>([7 << 23, 247 << 23]); // 2^-120, 2^120
const DECODE_MASK: usize = memory.data<i32>([-0x78100000]); // 0x87f00000: the sign, exponent and mantissa

/** Stores a scale, in all lanes, and the codes of sixteen numbers that are rounded to E4M3. */
@inline
export function storeCodes(coded: usize, scale: v128, a: v128, b: v128, c: v128, d: v128): void {
  const low = i16x8.narrow_i32x4_u(codesOf(a), codesOf(b));
  const high = i16x8.narrow_i32x4_u(codesOf(c), codesOf(d));
  v128.store_lane<f32>(coded, scale, 0);
  v128.store(coded, i8x16.narrow_i16x8_u(low, high), 4);
}

@inline
function codesOf(rounded: v128): v128 {
  const magnitude = f32x4.abs(f32x4.mul(rounded, v128.load32_splat(POWERS)));
  const sign = v128.and(i32x4.shr_u(rounded, 24), i32x4.splat(0x80));
  return v128.or(i32x4.shr_u(magnitude, SHIFT), sign);
}

/** The sixteen numbers of a tile, times its scale. */
@inline
export function decodeTile(coded: usize, y: usize): void {
  const scale = v128.load32_splat(coded);
  const codes = v128.load(coded, 4);
  const none = i32x4.splat(0);
  const a = v128.shuffle<i8>(none, codes, 0, 0, 0, 16, 0, 0, 0, 17, 0, 0, 0, 18, 0, 0, 0, 19);
  const b = v128.shuffle<i8>(none, codes, 0, 0, 0, 20, 0, 0, 0, 21, 0, 0, 0, 22, 0, 0, 0, 23);
  const c = v128.shuffle<i8>(none, codes, 0, 0, 0, 24, 0, 0, 0, 25, 0, 0, 0, 26, 0, 0, 0, 27);
  const d = v128.shuffle<i8>(none, codes, 0, 0, 0, 28, 0, 0, 0, 29, 0, 0, 0, 30, 0, 0, 0, 31);
  v128.store(y, decode4(a, scale));
  v128.store(y, decode4(b, scale), 16);
  v128.store(y, decode4(c, scale), 32);
  v128.store(y, decode4(d, scale), 48);
}

/** Of codes in the highest byte of each lane. */
@inline
function decode4(codes: v128, scale: v128): v128 {
  const bits = v128.and(i32x4.shr_s(codes, 4), v128.load32_splat(DECODE_MASK));
  return f32x4.mul(f32x4.mul(bits, v128.load32_splat(POWERS, 4)), scale);
}
