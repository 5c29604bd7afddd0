import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mostLikely, rankTokens } from '../../src/generate/sampling/token-ranking.ts';

/** Few different values, so that ties abound. */
const logits = fc
  .array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 71 })
  .map((values) => new Float32Array(values));

function sorted(values: Float32Array): number[] {
  return Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b);
}

describe('rankTokens (property)', () => {
  it('is the beginning of the sorted vocabulary, for any count', () => {
    fc.assert(
      fc.property(logits, fc.nat(70), (values, seed) => {
        const count = 1 + (seed % values.length);
        const ids = new Int32Array(values.length);
        rankTokens(values, count, ids);
        expect(Array.from(ids.subarray(0, count))).toEqual(sorted(values).slice(0, count));
      }),
    );
  });
});

describe('mostLikely', () => {
  it('is the first of the sorted vocabulary', () => {
    fc.assert(
      fc.property(logits, (values) => {
        expect(mostLikely(values)).toBe(sorted(values)[0]);
      }),
    );
  });

  it('passes over what is not a number, and knows when nothing is one', () => {
    expect(mostLikely(Float32Array.of(Number.NaN, -7, Number.NaN, -5))).toBe(3);
    expect(mostLikely(Float32Array.of(Number.NaN, Number.NaN))).toBe(-1);
  });
});
