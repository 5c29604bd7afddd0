import { describe, expect, it } from 'vitest';
import { float8ToFloat32, float32ToFloat8, powersOfTwoToBits, powersOfTwoToFloat32 } from '../../src/io/float8.ts';

describe('float8ToFloat32', () => {
  it('golden: is exact for zero, subnormal, normal and missing numbers', () => {
    const bits = Uint8Array.of(0, 1, 7, 8, 0x38, 0x39, 0x7e, 0x7f, 0x80, 0xfe, 0xff);
    const expected = [0, 2 ** -9, 7 * 2 ** -9, 2 ** -6, 1, 1.125, 448, NaN, -0, -448, NaN];
    expect(Array.from(float8ToFloat32(bits))).toEqual(expected);
  });

  it('property: larger patterns are larger numbers; 127 of them are not negative (F 10)', () => {
    const positive = float8ToFloat32(Uint8Array.from({ length: 127 }, (_, bits) => bits));
    expect(positive.every((value, index) => index === 0 || value > (positive[index - 1] ?? Infinity))).toBe(true);
  });
});

describe('powersOfTwoToFloat32', () => {
  it('golden: is exact at both ends of the exponent and in the middle, and has no number for 255', () => {
    const bits = Uint8Array.of(0, 1, 120, 127, 128, 254, 255);
    // torch.float8_e8m0fnu gives the same; 2 ** -127 is subnormal in float32, and exact.
    const expected = [2 ** -127, 2 ** -126, 1 / 128, 1, 2, 2 ** 127, NaN];
    expect(Array.from(powersOfTwoToFloat32(bits))).toEqual(expected);
  });
});

describe('float32ToFloat8', () => {
  const patterns = Uint8Array.from({ length: 127 }, (_, bits) => bits);
  const values = float8ToFloat32(patterns);

  it('keeps every number of the format, of either sign, and not a number', () => {
    const all = Uint8Array.from({ length: 256 }, (_, bits) => bits).filter((bits) => bits !== 0xff);
    expect(float32ToFloat8(float8ToFloat32(all))).toEqual(all);
  });

  it('rounds to the nearest, halves to the even pattern, and what is too large to 448', () => {
    for (let bits = 0; bits < 126; bits++) {
      const [low, high] = [values[bits]!, values[bits + 1]!];
      const middle = (low + high) / 2; // exact in float32
      const given = Float32Array.of(middle, middle - (high - low) / 1000, middle + (high - low) / 1000);
      const even = bits % 2 === 0 ? bits : bits + 1;
      expect([bits, ...float32ToFloat8(given)]).toEqual([bits, even, bits, bits + 1]);
      expect([bits, ...float32ToFloat8(given.map((value) => -value))]).toEqual([
        bits,
        even | 128,
        bits | 128,
        (bits + 1) | 128,
      ]);
    }
    expect([...float32ToFloat8(Float32Array.of(449, 1e30, Infinity, -500))]).toEqual([0x7e, 0x7e, 0x7e, 0xfe]);
  });
});

describe('powersOfTwoToBits', () => {
  it('is the inverse of powersOfTwoToFloat32', () => {
    const all = Uint8Array.from({ length: 256 }, (_, bits) => bits);
    expect(powersOfTwoToBits(powersOfTwoToFloat32(all))).toEqual(all);
  });
});
