// The 8-bit floating point formats of DeepSeek's released weights.
//
// E4M3FN has 4 bits of exponent and 3 of fraction. It has no infinities, the largest number is 448, and 0x7f and 0xff
// are not numbers (F 4.4 in `docs/facts.md`). UE8M0 is the format of scales that are powers of two, as DeepSeek-V3.1's:
// all 8 bits are the exponent, 127 is 1, and 0xff is not a number (OCP Microscaling Formats, section 5.4.1).

/** The largest number of E4M3FN. */
export const largestFloat8 = 448;

const float8Values = Float32Array.from({ length: 256 }, (_, bits) => float8Value(bits));

/** E4M3FN bit patterns to float32, exactly. */
export function float8ToFloat32(bits: Uint8Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = float8Values[bits[i]!]!;
  return values;
}

function float8Value(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 0xf;
  const fraction = (bits & 7) / 8;
  if ((bits & 0x7f) === 0x7f) return Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -6 : sign * (1 + fraction) * 2 ** (exponent - 7);
}

/**
 * float32 to E4M3FN bit patterns, to the nearest, ties to even, as PyTorch does; but what is beyond 448 becomes 448, as
 * kernels that quantize do.
 */
export function float32ToFloat8(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bits = new Uint8Array(values.length);
  const float = new Float32Array(1);
  const pattern = new Uint32Array(float.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const sign = value < 0 || Object.is(value, -0) ? 0x80 : 0;
    float[0] = Math.min(Math.abs(value), largestFloat8);
    // Below 2 ** -6 all numbers are multiples of 2 ** -9. 1.5 * 2 ** 52 has no room for a fraction, which rounds it
    // off.
    const small = float[0]! * 512 + 1.5 * 2 ** 52 - 1.5 * 2 ** 52;
    const normal = (pattern[0]! + 0x7ffff + ((pattern[0]! >>> 20) & 1)) >>> 20;
    const magnitude = float[0]! < 2 ** -6 ? small : normal - ((127 - 7) << 3);
    bits[i] = Number.isNaN(value) ? 0x7f : sign | magnitude;
  }
  return bits;
}

/** float32 powers of two to UE8M0 bit patterns. */
export function powersOfTwoToBits(values: Float32Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(values, (value) => (Number.isNaN(value) ? 0xff : Math.round(Math.log2(value)) + 127));
}

/** UE8M0 bit patterns to float32, exactly: 2 ** -127, the smallest, is a subnormal number there. */
export function powersOfTwoToFloat32(bits: Uint8Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, (exponent) => (exponent === 0xff ? Number.NaN : 2 ** (exponent - 127)));
}
