import { describe, expect, it } from 'vitest';
import { e4m3, roundTo } from '../../src/precision/formats.ts';
import { type Quantizer, quantizeDequantize } from '../../src/precision/quantize.ts';
import { normalArray } from '../../src/tensor/random.ts';

const [rows, columns] = [19, 37];
const x = normalArray(rows * columns, 1, 5);
const relativeError = (a: Float32Array, b: Float32Array) =>
  Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0) / b.reduce((sum, value) => sum + value ** 2, 0));

describe('quantizeDequantize', () => {
  it('keeps the largest element of every tile, up to the rounding of two float32 operations', () => {
    const y = quantizeDequantize(x, columns, { format: 'e4m3', rows: 1, columns: 16 });
    for (let i = 0; i < rows; i++) {
      for (const [left, right] of [
        [0, 16],
        [16, 32],
        [32, 37],
      ] as const) {
        const tile = Array.from(x.slice(i * columns + left, i * columns + right));
        const at = i * columns + left + tile.findIndex((v) => Math.abs(v) === Math.max(...tile.map(Math.abs)));
        expect(Math.abs(y[at]! / x[at]! - 1)).toBeLessThan(2e-7);
      }
    }
  });

  it('is off by about 2.6 % of normal numbers in E4M3 and twice that in E5M2, whatever the tile', () => {
    // F 4.7: E4M3 floats, so granularity does not show on normal numbers.
    for (const [tileRows, tileColumns] of [
      [1, 16],
      [16, 16],
      [Infinity, Infinity],
    ] as const) {
      const of = (format: 'e4m3' | 'e5m2') =>
        relativeError(quantizeDequantize(x, columns, { format, rows: tileRows, columns: tileColumns }), x);
      expect(of('e4m3')).toBeGreaterThan(0.02);
      expect(of('e4m3')).toBeLessThan(0.032);
      expect(of('e5m2') / of('e4m3')).toBeGreaterThan(1.7);
      expect(of('e5m2') / of('e4m3')).toBeLessThan(2.3);
    }
  });

  it('confines an outlier to its tile: one token a million times larger costs its row, its block, or everything', () => {
    const spoiled = x.map((value, i) => (Math.floor(i / columns) === 3 ? value * 1e6 : value));
    const elsewhere = (y: Float32Array) => y.filter((_, i) => Math.floor(i / columns) !== 3);
    const error = (tileRows: number, tileColumns: number) =>
      relativeError(
        elsewhere(quantizeDequantize(spoiled, columns, { format: 'e4m3', rows: tileRows, columns: tileColumns })),
        elsewhere(spoiled),
      );
    expect(error(1, 16)).toBeLessThan(0.032);
    expect(error(16, 16)).toBeGreaterThan(0.5); // 15 of the 18 other rows are lost
    expect(error(Infinity, Infinity)).toBe(1);
  });

  it('has the scales of F 10: a tile with amax 3.5 is rounded in steps of 0.0078125', () => {
    const tile = Float32Array.of(3.5, 0.1, -0.0123, 0);
    const y = quantizeDequantize(tile, 4, { format: 'e4m3', rows: 1, columns: 16 });
    expect(Array.from(y)).toEqual(Array.from(tile, (v) => roundTo(Math.fround(v / 0.0078125), e4m3) * 0.0078125));
  });

  it('rounds scales up to powers of two: what is turned into other tiles by them is rounded once', () => {
    const row: Quantizer = { format: 'e5m6', rows: 1, columns: 16, powerOfTwoScales: true };
    const once = quantizeDequantize(x, columns, row);
    expect(relativeError(once, x)).toBeLessThan(0.005); // half a step of six bits is 2^-7 of a number at most
    expect(quantizeDequantize(once, columns, { ...row, rows: 16, columns: 1 })).toEqual(once);
    const tile = Float32Array.of(49152, 1, -3, 0); // scale 1, where 0.76 would do
    expect(Array.from(quantizeDequantize(tile, 4, row))).toEqual([49152, 1, -3, 0]);
  });

  it.each([
    ['numbers that are no whole rows', 36, { format: 'e4m3', rows: 1, columns: 16 }, 'no whole rows of 36'],
    ['rows of no number', 0, { format: 'e4m3', rows: 1, columns: 16 }, 'no whole rows of 0'],
    ['a tile without rows', columns, { format: 'e4m3', rows: 0, columns: 16 }, 'rows of a tile must be'],
    ['a tile of half a column', columns, { format: 'e4m3', rows: 1, columns: 0.5 }, 'columns of a tile must be'],
  ] as const)('refuses %s', (_, width, quantizer, message) => {
    expect(() => quantizeDequantize(x, width, quantizer)).toThrow(message);
  });

  it('leaves zeros and gradients far below 1e-4 alone', () => {
    const small = Float32Array.of(0, 1e-9, -3e-9, 0);
    const y = quantizeDequantize(small, 4, { format: 'e4m3', rows: 1, columns: 4 });
    expect(relativeError(y, small)).toBeLessThan(0.04);
    expect(Array.from(quantizeDequantize(new Float32Array(4), 4, { format: 'e5m2', rows: 1, columns: 4 }))).toEqual([
      0, 0, 0, 0,
    ]);
  });
});
