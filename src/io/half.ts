// The two 16-bit floating point formats of checkpoints, widened to float32. Both conversions are exact.

/** IEEE binary16 bit patterns to float32. */
export function float16ToFloat32(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, halfValue);
}

/** bfloat16 bit patterns (the upper halves of float32 ones) to float32. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array {
  const wide = Uint32Array.from(bits, (half) => half << 16);
  return new Float32Array(wide.buffer);
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 0) return sign * fraction * 2 ** -14;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction) * 2 ** (exponent - 15);
}
