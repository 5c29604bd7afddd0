import { describe, expect, it } from 'vitest';
import { bfloat16ToFloat32, float16ToFloat32 } from '../../src/io/half.ts';

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
