// The two 16-bit floating point formats of checkpoints. Widening to float32 is exact; narrowing rounds to the nearest,
// ties to even, as PyTorch does. Plain loops: a checkpoint has many millions of these.

const nanBfloat16 = 0x7fc0;

/** IEEE binary16 bit patterns to float32. */
export function float16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = halfValue(bits[i]!);
  return values;
}

/** bfloat16 bit patterns (the upper halves of float32 ones) to float32. */
export function bfloat16ToFloat32(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i]! << 16;
  return new Float32Array(wide.buffer);
}

/** float32 to IEEE binary16 bit patterns; what is too large becomes infinite. */
export function float32ToFloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) bits[i] = halfBits(values[i]!);
  return bits;
}

/** float32 to bfloat16 bit patterns. */
export function float32ToBfloat16(values: Float32Array): Uint16Array<ArrayBuffer> {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const pattern = wide[i]!;
    // Adding just under half of the last kept bit carries into it when the rest is above half, or half with an odd last
    // bit.
    const rounded = (pattern + 0x7fff + ((pattern >>> 16) & 1)) >>> 16;
    bits[i] = Number.isNaN(values[i]!) ? nanBfloat16 : rounded;
  }
  return bits;
}

function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 0) return sign * fraction * 2 ** -14;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction) * 2 ** (exponent - 15);
}

function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00; // half way from the largest number to what the next would be
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  // In units of the last bit: 1024 to 2047 for normal numbers, below for subnormal ones. A float64 holds it exactly.
  const units = roundHalfToEven(magnitude * 2 ** (10 - exponent));
  return sign | ((exponent + 14) * 1024 + units);
}

function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  const rest = value - below;
  if (rest === 0.5) return below + (below % 2);
  return rest < 0.5 ? below : below + 1;
}
