// Small floating-point formats, bit by bit: values are rounded as hardware rounds them, and kept as ordinary numbers.
// Source: F 4.4 and F 10 in `docs/facts.md`; OCP 8-bit Floating Point Specification 1.0.

import { UserError } from '../errors.ts';

/** A binary floating-point format with a sign bit, of 8 to 16 bits. */
export interface SmallFloat {
  readonly name: 'e4m3' | 'e5m2' | 'e5m6' | 'bfloat16';
  readonly exponentBits: number;
  readonly mantissaBits: number;
  /** Exponent of the smallest normal number; below it, numbers are multiples of one step. */
  readonly minExponent: number;
  /** Largest finite number. */
  readonly max: number;
  /** What becomes of larger ones: those of 8 and 12 bits saturate, as hardware conversions do; PyTorch's casts do not. */
  readonly overflow: 'saturate' | 'infinity';
}

/** E4M3FN: no infinities, one NaN for each sign. What the report trains with. */
export const e4m3: SmallFloat = {
  name: 'e4m3',
  exponentBits: 4,
  mantissaBits: 3,
  minExponent: -6,
  max: 448,
  overflow: 'saturate',
};

/** E5M2: float16 with its mantissa cut. What earlier work took for gradients. */
export const e5m2: SmallFloat = {
  name: 'e5m2',
  exponentBits: 5,
  mantissaBits: 2,
  minExponent: -14,
  max: 57344,
  overflow: 'saturate',
};

/**
 * 12 bits, in which the report keeps the input of the linear layer after attention (section 3.3.3). Its layout is
 * unpublished: this one has the exponents of float16 and no number in the highest of them.
 */
export const e5m6: SmallFloat = {
  name: 'e5m6',
  exponentBits: 5,
  mantissaBits: 6,
  minExponent: -14,
  max: 65024,
  overflow: 'saturate',
};

/** The upper half of float32. */
export const bfloat16: SmallFloat = {
  name: 'bfloat16',
  exponentBits: 8,
  mantissaBits: 7,
  minExponent: -126,
  max: (2 - 2 ** -7) * 2 ** 127,
  overflow: 'infinity',
};

/** Distance of neighbouring numbers of the format around `magnitude`. */
function stepAt(magnitude: number, { minExponent, mantissaBits }: SmallFloat): number {
  return 2 ** (Math.max(exponentOf(magnitude), minExponent) - mantissaBits);
}

const bits = new DataView(new ArrayBuffer(8));

/** floor(log2 x) of a positive normal float64, from its bits: `Math.log2` is wrong next to powers of two. */
export function exponentOf(x: number): number {
  bits.setFloat64(0, x);
  return ((bits.getUint32(0) >>> 20) & 0x7ff) - 1023;
}

/** The nearest integer to a number of at least 0; the even one of two. */
function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
}

/**
 * The nearest number of the format; of two, the one with an even mantissa. NaN stays NaN, and zero keeps its sign.
 *
 * Example: 0.1 -> 0.1015625, 17 -> 16 (a tie), 460 -> 448 in E4M3.
 */
export function roundTo(x: number, format: SmallFloat): number {
  if (Number.isNaN(x) || x === 0) return x;
  const magnitude = Math.abs(x);
  const step = stepAt(magnitude, format);
  const rounded = magnitude === Number.POSITIVE_INFINITY ? magnitude : roundHalfToEven(magnitude / step) * step;
  const limit = format.overflow === 'saturate' ? format.max : Number.POSITIVE_INFINITY;
  return Math.sign(x) * (rounded > format.max ? limit : rounded);
}

/**
 * The bits of `roundTo(x, format)`, the sign bit first. Of NaN: all exponent and mantissa bits set.
 *
 * Example: 1 -> 0b0_0111_000 in E4M3, whose exponents have 7 added to them.
 */
export function encode(x: number, format: SmallFloat): number {
  const { exponentBits, mantissaBits, minExponent } = format;
  const value = roundTo(x, format);
  const sign = (value < 0 || Object.is(value, -0) ? 1 : 0) * 2 ** (exponentBits + mantissaBits);
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 2 ** (exponentBits + mantissaBits) - 1;
  if (magnitude === 0) return sign;
  if (magnitude === Number.POSITIVE_INFINITY) return sign + (2 ** exponentBits - 1) * 2 ** mantissaBits;
  const exponent = Math.max(exponentOf(magnitude), minExponent);
  // The leading bit of a normal number adds one to the exponent field; a subnormal one has none.
  return sign + (exponent - minExponent) * 2 ** mantissaBits + magnitude / 2 ** (exponent - mantissaBits);
}

/**
 * The number that a pattern of bits stands for: what `encode` undoes.
 *
 * @throws {UserError} for a code that is no whole number, or has more bits than the format.
 */
export function decode(code: number, format: SmallFloat): number {
  const { exponentBits, mantissaBits, minExponent, max } = format;
  const magnitudeBits = 2 ** (exponentBits + mantissaBits);
  if (!(Number.isInteger(code) && code >= 0 && code < 2 * magnitudeBits)) {
    throw new UserError(
      `${format.name}: the code of a number is a whole number from 0 to ${2 * magnitudeBits - 1}; found ${code}`,
    );
  }
  const sign = code >= magnitudeBits ? -1 : 1;
  const field = Math.floor((code % magnitudeBits) / 2 ** mantissaBits);
  const mantissa = code % 2 ** mantissaBits;
  const fraction = mantissa / 2 ** mantissaBits;
  const magnitude = field === 0 ? fraction * 2 ** minExponent : (1 + fraction) * 2 ** (field - 1 + minExponent);
  if (magnitude <= max) return sign * magnitude;
  return format.name !== 'e4m3' && mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
}

/**
 * `roundTo` bfloat16 for many numbers, in their bits: half of the last place is added and the rest cut off. NaN stays
 * NaN.
 */
export function roundToBfloat16(values: Float32Array): Float32Array {
  const patterns = new Uint32Array(values.length);
  patterns.set(new Uint32Array(values.buffer, values.byteOffset, values.length));
  for (let i = 0; i < patterns.length; i++) {
    const pattern = patterns[i]!;
    patterns[i] = Number.isNaN(values[i]) ? pattern : (pattern + 0x7fff + ((pattern >>> 16) & 1)) & 0xffff0000;
  }
  return new Float32Array(patterns.buffer);
}
