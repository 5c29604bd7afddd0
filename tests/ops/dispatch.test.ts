import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planDispatch } from '../../src/ops/dispatch.ts';

/** Selections of N tokens with K distinct experts of E each. */
const selections = fc
  .record({ N: fc.integer({ min: 1, max: 23 }), E: fc.integer({ min: 1, max: 11 }) })
  .chain(({ N, E }) => fc.tuple(fc.constant({ N, E }), fc.integer({ min: 1, max: E })))
  .chain(([{ N, E }, K]) =>
    fc.record({
      E: fc.constant(E),
      K: fc.constant(K),
      experts: fc.array(fc.shuffledSubarray([...Array(E).keys()], { minLength: K, maxLength: K }), {
        minLength: N,
        maxLength: N,
      }),
    }),
  );

describe('planDispatch', () => {
  it('sorts the worked example of its documentation', () => {
    const plan = planDispatch(Int32Array.of(1, 0, 1, 2, 0, 1), 2, 3);
    expect([...plan.order]).toEqual([1, 4, 0, 2, 5, 3]);
    expect([...plan.tokens]).toEqual([0, 2, 0, 1, 2, 1]);
    expect([...plan.counts]).toEqual([2, 3, 1]);
    expect([...plan.rowOf]).toEqual([2, 0, 3, 5, 1, 4]);
  });

  it('property: drops no token, pads nothing, and keeps tokens in order within an expert', () => {
    fc.assert(
      fc.property(selections, ({ experts, K, E }) => {
        const flat = Int32Array.from(experts.flat());
        const { order, tokens, rowOf, counts } = planDispatch(flat, K, E);
        expect([...order].sort((a, b) => a - b)).toEqual([...flat.keys()]);
        expect([...tokens]).toEqual([...order].map((i) => Math.floor(i / K)));
        expect([...rowOf].map((row) => order[row])).toEqual([...flat.keys()]);
        const byExpert = [...Array(E).keys()].flatMap((e) => [...flat.keys()].filter((i) => flat[i] === e));
        expect([...order]).toEqual(byExpert);
        expect([...counts]).toEqual([...Array(E).keys()].map((e) => flat.filter((x) => x === e).length));
        expect(counts.reduce((a, b) => a + b)).toBe(experts.length * K);
      }),
    );
  });
});
