import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from '../../src/io/half.ts';

describe('float16ToFloat32', () => {
  it('is exact for normal, subnormal, infinite and missing numbers', () => {
    const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x3555, 0x7c00, 0xfc00, 0x7e00, 0x8000);
    const expected = [1, -2, 65504, 2 ** -14, 2 ** -24, 0.333251953125, Infinity, -Infinity, NaN, -0];
    expect(Array.from(float16ToFloat32(bits))).toEqual(expected);
  });

  it('property: larger patterns are larger numbers, all distinct', () => {
    const positive = float16ToFloat32(Uint16Array.from({ length: 0x7c01 }, (_, bits) => bits));
    expect(positive.every((value, index) => index === 0 || value > (positive[index - 1] ?? Infinity))).toBe(true);
  });
});

describe('bfloat16ToFloat32', () => {
  it('is the upper half of a float32', () => {
    const values = Float32Array.of(1, -0.15625, -0, Infinity, 2 ** -126);
    const bits = Uint16Array.from(new Uint32Array(values.buffer), (pattern) => pattern >>> 16);
    expect(bfloat16ToFloat32(bits)).toEqual(values);
  });
});

describe('float32ToFloat16', () => {
  it('property: undoes float16ToFloat32 for every number', () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, pattern) => pattern).filter((pattern) => {
      return (pattern & 0x7c00) !== 0x7c00 || (pattern & 0x3ff) === 0;
    });
    expect(float32ToFloat16(float16ToFloat32(bits))).toEqual(bits);
  });

  it('golden: rounds to the nearest, ties to even, as torch 2.13.0 does', () => {
    const values = [0.1, 1 / 3, 2049, 2051, 65519, 65520, -65520, 2 ** -25, 1.5 * 2 ** -24, 3e-8, -1e-9, NaN, 1e38];
    const expected = [0x2e66, 0x3555, 0x6800, 0x6802, 0x7bff, 0x7c00, 0xfc00, 0, 2, 1, 0x8000, 0x7e00, 0x7c00];
    expect(Array.from(float32ToFloat16(Float32Array.from(values)))).toEqual(expected);
  });
});

describe('float32ToBfloat16', () => {
  it('property: undoes bfloat16ToFloat32 for every number', () => {
    const bits = Uint16Array.from({ length: 0x10000 }, (_, pattern) => pattern).filter((pattern) => {
      return (pattern & 0x7f80) !== 0x7f80 || (pattern & 0x7f) === 0;
    });
    expect(float32ToBfloat16(bfloat16ToFloat32(bits))).toEqual(bits);
  });

  it('golden: rounds to the nearest, ties to even, as torch 2.13.0 does, but for which pattern is not a number', () => {
    const values = [0.1, 1 / 3, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 3.4e38, -1e-40, NaN, Infinity];
    const expected = [0x3dcd, 0x3eab, 0x3f80, 0x3f82, 0x7f80, 0x8001, 0x7fc0, 0x7f80];
    expect(Array.from(float32ToBfloat16(Float32Array.from(values)))).toEqual(expected);
  });
});
