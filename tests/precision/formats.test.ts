import { describe, expect, it } from 'vitest';
import {
  bfloat16,
  decode,
  e4m3,
  e5m2,
  e5m6,
  encode,
  roundTo,
  roundToBfloat16,
  type SmallFloat,
} from '../../src/precision/formats.ts';
import { loadGoldenJson } from '../goldens/load.ts';

interface Table {
  readonly codes: readonly number[];
  readonly inputs: readonly number[];
  readonly rounded: readonly number[];
}

const golden = loadGoldenJson('precision.json') as unknown as Record<SmallFloat['name'], Table>;

/** Numbers of float32 patterns. */
const floats = (patterns: readonly number[]) => new Float32Array(Uint32Array.from(patterns).buffer);
/** Patterns of numbers that float32 holds exactly; zeros keep their sign. */
const patternsOf = (values: readonly number[]) => Array.from(new Uint32Array(Float32Array.from(values).buffer));

describe.each([e4m3, e5m2])('$name', (format) => {
  const { codes, inputs, rounded } = golden[format.name];

  it("golden: all 256 codes are PyTorch's numbers", () => {
    const expected = Array.from(floats(codes));
    expect(expected.map((_, code) => decode(code, format))).toEqual(expected);
  });

  it('property: every code but those of NaN and infinity comes back', () => {
    const all = Array.from({ length: 256 }, (_, code) => code);
    const finite = all.filter((code) => Number.isFinite(decode(code, format)));
    expect(finite.map((code) => encode(decode(code, format), format))).toEqual(finite);
  });

  it('golden: ties, their neighbours and random numbers are rounded to the same bits as by PyTorch', () => {
    expect(patternsOf(Array.from(floats(inputs), (x) => roundTo(x, format)))).toEqual(rounded);
  });

  it('saturates, with the sign', () => {
    const { max } = format;
    expect([max * 1.2, -max * 1.2, Infinity, -Infinity].map((x) => roundTo(x, format))).toEqual([max, -max, max, -max]);
    expect(roundTo(Number.NaN, format)).toBeNaN();
    expect(decode(encode(Number.NaN, format), format)).toBeNaN();
  });
});

describe('e4m3', () => {
  it('golden: rounds the numbers of F 10', () => {
    const pairs: readonly (readonly [number, number])[] = [
      [0.1, 0.1015625],
      [1 / 3, 0.34375],
      [1.0625, 1],
      [1.1875, 1.25],
      [17, 16],
      [19, 20],
      [21, 20],
      [447, 448],
      [460, 448],
      [0.015, 0.015625],
      [2 ** -9, 2 ** -9],
      [2 ** -10, 0],
      [1.5 * 2 ** -10, 2 ** -9],
      [0.003, 0.00390625],
      [0.0068, 0.005859375],
      [-2.7, -2.75],
    ];
    expect(pairs.map(([x]) => roundTo(x, e4m3))).toEqual(pairs.map(([, y]) => y));
  });

  it('has 127 finite codes that are not negative', () => {
    const codes = Array.from({ length: 128 }, (_, code) => code);
    expect(codes.filter((code) => Number.isFinite(decode(code, e4m3)))).toHaveLength(127);
  });
});

describe('e5m6', () => {
  const codes = Array.from({ length: 0x7c0 }, (_, code) => code); // finite, and not negative
  const numbers = codes.map((code) => decode(code, e5m6));

  it("has the numbers of E5M2, which are PyTorch's, and fifteen at equal distances between any two of them", () => {
    for (const code of codes) {
      const [below, above] = [decode(code >> 4, e5m2), decode((code >> 4) + 1, e5m2)];
      const next = Number.isFinite(above) ? above : 65536;
      expect(numbers[code]).toBe(below + ((next - below) * (code % 16)) / 16);
    }
    expect(numbers.at(-1)).toBe(e5m6.max);
  });

  it('property: every finite code comes back, of either sign', () => {
    expect(numbers.map((x) => encode(x, e5m6))).toEqual(codes);
    expect(numbers.map((x) => encode(-x, e5m6))).toEqual(codes.map((code) => code + 0x800));
  });

  it('property: rounds to the nearest number, and half-way to the one with an even code', () => {
    for (let code = 0; code + 1 < numbers.length; code++) {
      const [low, high] = [numbers[code]!, numbers[code + 1]!];
      const middle = (low + high) / 2;
      expect(roundTo(middle, e5m6)).toBe(code % 2 === 0 ? low : high);
      expect(roundTo(low + 0.49 * (high - low), e5m6)).toBe(low);
      expect(roundTo(-(low + 0.51 * (high - low)), e5m6)).toBe(-high);
    }
  });

  it('saturates', () => {
    expect([70000, -Infinity].map((x) => roundTo(x, e5m6))).toEqual([65024, -65024]);
  });
});

describe('bfloat16', () => {
  it('golden: ties, their neighbours and random patterns are rounded to the same bits as by PyTorch', () => {
    const { inputs, rounded } = golden.bfloat16;
    expect(patternsOf(Array.from(floats(inputs), (x) => roundTo(x, bfloat16)))).toEqual(rounded);
  });

  it('property: the code is the upper half of the float32', () => {
    const values = golden.bfloat16.rounded.map((pattern) => pattern >>> 16);
    const numbers = Array.from(floats(golden.bfloat16.rounded));
    expect(numbers.map((x) => encode(x, bfloat16))).toEqual(values);
    expect(values.map((code) => decode(code, bfloat16))).toEqual(numbers);
  });
});

describe('roundToBfloat16', () => {
  it('gives the bits of PyTorch for a whole array, and keeps NaN and infinities', () => {
    const { inputs, rounded } = golden.bfloat16;
    expect(Array.from(new Uint32Array(roundToBfloat16(floats(inputs)).buffer))).toEqual(rounded);
    const odd = roundToBfloat16(floats([0x7fffffff, 0xffffffff, 0x7f800000, 0xff800000]));
    expect(Array.from(odd)).toEqual([Number.NaN, Number.NaN, Infinity, -Infinity]);
  });
});

describe('decode', () => {
  it.each([-1, 256, 1.5, Number.NaN])('refuses %s, which is no code of 8 bits', (code) => {
    expect(() => decode(code, e4m3)).toThrow('a whole number from 0 to 255');
  });
});
