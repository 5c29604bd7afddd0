import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emulatedDot } from '../../src/precision/accumulate.ts';
import { gemmError, normal, uniform } from '../../src/precision/gemm-error.ts';
import { createRandom } from '../../src/tensor/random.ts';

const error = (K: number, operands: typeof uniform, bits: number, promoteEvery: number) =>
  gemmError(K, operands, { bits, promoteEvery }, createRandom(7), 13);

describe('emulatedDot', () => {
  it('cuts what lies below 14 bits of the largest number, towards zero', () => {
    // 2^13 is 1 in the last of 14 bits of 2^13 + ...: of 1.75, one is kept; of -1.75, minus one.
    const dot = (b: readonly number[]) => emulatedDot([2 ** 13, 1], b, { bits: 14, promoteEvery: Infinity });
    expect(dot([1, 1.75])).toBe(2 ** 13 + 1);
    expect(dot([1, -1.75])).toBe(2 ** 13 - 1);
    expect(dot([1, 0.75])).toBe(2 ** 13);
  });

  it('loses small products that follow a large sum, and keeps them where the sum was promoted', () => {
    const ones = Array.from({ length: 64 }, (_, i) => (i < 32 ? 2 ** 10 : 2 ** -3));
    const plain = emulatedDot(ones, Array(64).fill(1), { bits: 14, promoteEvery: Infinity });
    const promoted = emulatedDot(ones, Array(64).fill(1), { bits: 14, promoteEvery: 32 });
    expect(plain).toBe(32 * 2 ** 10);
    expect(promoted).toBe(32 * 2 ** 10 + 4);
  });

  it('stands still where a one is below the last of 14 bits of the sum, unless it is promoted in between', () => {
    const ones = Array(20_000).fill(1);
    expect(emulatedDot(ones, ones, { bits: 14, promoteEvery: Infinity })).toBe(2 ** 14);
    expect(emulatedDot(ones, ones, { bits: 14, promoteEvery: 128 })).toBe(20_000);
  });

  it.each([
    ['lengths that differ', [1, 2], { bits: 14, promoteEvery: 128 }, 'a has 1 numbers and b has 2'],
    ['no bits', [1], { bits: 0, promoteEvery: 128 }, 'bits must be a whole number from 2 to 24'],
    ['a promotion within a group', [1], { bits: 14, promoteEvery: 100 }, 'a multiple of 32, or Infinity'],
  ])('refuses %s', (_, b, accumulator, message) => {
    expect(() => emulatedDot([1], b, accumulator)).toThrow(message);
  });

  it('property: is exact where all sums fit into 14 bits, and of nothing it is 0', () => {
    const numbers = fc.array(fc.tuple(fc.integer({ min: -7, max: 7 }), fc.integer({ min: -7, max: 7 })), {
      maxLength: 70,
    });
    fc.assert(
      fc.property(numbers, (pairs) => {
        const [a, b] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)];
        const exact = pairs.reduce((sum, [x, y]) => sum + x * y, 0);
        expect(emulatedDot(a, b, { bits: 14, promoteEvery: 32 }) === exact).toBe(true);
      }),
    );
  });
});

describe('gemmError', () => {
  it('grows with K without promotion, and reaches per cents at 4096 (the report: near 2 %, F 4.3: up to 7.5 %)', () => {
    const errors = [128, 512, 2048, 4096].map((K) => error(K, uniform, 14, Infinity));
    expect(errors).toEqual(errors.toSorted((a, b) => a - b));
    expect(errors[3]).toBeGreaterThan(0.02);
    expect(errors[3]).toBeLessThan(0.1);
  });

  it.each([
    [uniform, 50],
    [normal, 5], // signs cancel: sums grow with the root of K, and so does what is cut
  ])('stays small and flat with promotion every 128: $0.name', (operands, times) => {
    const [short, long] = [error(512, operands, 14, 128), error(4096, operands, 14, 128)];
    expect(long).toBeLessThan(2 * short);
    expect(error(4096, operands, 14, Infinity)).toBeGreaterThan(times * long);
  });

  it('of float32 is a thousandth of that', () => {
    expect(error(4096, uniform, 24, Infinity)).toBeLessThan(1e-5);
  });
});
