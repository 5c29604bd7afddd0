import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ExpertBiasUpdate, updateExpertBias } from '../../src/moe/expert-bias.ts';

const signRule: ExpertBiasUpdate = { speed: 0.125, rule: 'sign', form: 'additive', recenter: false };
const update = (bias: number[], counts: number[], changes: Partial<ExpertBiasUpdate> = {}) => [
  ...updateExpertBias(Float32Array.from(bias), counts, { ...signRule, ...changes }),
];
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

describe('updateExpertBias', () => {
  it('lowers the busy expert and raises the idle one by the speed', () => {
    expect(update([0, 0], [10, 0], { speed: 0.1 })).toEqual([-Math.fround(0.1), Math.fround(0.1)]);
  });

  it('golden: counts 10, 6, 2, 6 move by -gamma, 0, +gamma, 0: the sign of no error is 0', () => {
    expect(update([1, 2, 3, 4], [10, 6, 2, 6])).toEqual([0.875, 2, 3.125, 4]);
  });

  it('drifts when more experts are below the mean than above, and does not when recentred', () => {
    expect(update([0, 0, 0, 0], [9, 1, 1, 1])).toEqual([-0.125, 0.125, 0.125, 0.125]);
    expect(update([0, 0, 0, 0], [9, 1, 1, 1], { recenter: true })).toEqual([-0.1875, 0.0625, 0.0625, 0.0625]);
  });

  it('property: recentred steps sum to zero, and no step changes an order that the loads agree with', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 2, maxLength: 17 });
    fc.assert(
      fc.property(counts, fc.constantFrom('sign', 'proportional'), (loads, rule) => {
        const zeros = loads.map(() => 0);
        // Seventeen float32 numbers of at most 16 * speed.
        expect(Math.abs(sum(update(zeros, loads, { rule, recenter: true })))).toBeLessThan(1e-5);
        const moved = update(zeros, loads, { rule });
        for (const [i, a] of loads.entries())
          for (const [j, b] of loads.entries()) if (a > b) expect(moved[i]).toBeLessThanOrEqual(moved[j]!);
      }),
    );
  });

  it('steps by the relative error under the proportional rule', () => {
    expect(update([0, 0, 0, 0], [8, 4, 4, 0], { rule: 'proportional' })).toEqual([-0.125, 0, 0, 0.125]);
    expect(update([0, 0, 0, 0], [7, 4, 4, 1], { rule: 'proportional', speed: 1 })).toEqual([-0.75, 0, 0, 0.75]);
  });

  it('multiplies under the multiplicative form, whose neutral value is 1', () => {
    expect(update([1, 2], [10, 0], { form: 'multiplicative' })).toEqual([0.875, 2.25]);
  });

  it('leaves the bias as it is when nothing was counted, loads are even, or the speed is 0', () => {
    for (const rule of ['sign', 'proportional'] as const) {
      expect(update([1, -2], [0, 0], { rule })).toEqual([1, -2]);
      expect(update([1, -2], [5, 5], { rule })).toEqual([1, -2]);
      expect(update([1, -2], [9, 1], { rule, speed: 0 })).toEqual([1, -2]);
    }
  });

  it('is pure: the bias it is given keeps its values', () => {
    const bias = Float32Array.of(1, 2);
    updateExpertBias(bias, [3, 1], signRule);
    expect([...bias]).toEqual([1, 2]);
  });
});
