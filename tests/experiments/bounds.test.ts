import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boundsOf, boundsOfDifference, knownBounds, toInterval } from '../../src/experiments/bounds.ts';
import { armSettings } from '../../src/experiments/settings.ts';
import { estimate } from '../../src/experiments/statistics.ts';
import { studies } from '../../src/experiments/studies/index.ts';
import { judge } from '../../src/experiments/verdict.ts';
import { loadStatistics } from '../../src/moe/load.ts';
import { makeRun } from '../report/fixture.ts';

const { model } = makeRun({ steps: 1 }).settings; // 3 MoE layers and an MTP module, 4 of 16 experts
const infinity = Number.POSITIVE_INFINITY;

describe('bounds', () => {
  it.each(studies.map((study) => [study.name, study] as const))('are known of every number of %s', (_name, study) => {
    const claimed = study.hypotheses.map(({ metric }) => metric);
    const drawn = (study.series ?? []).flatMap(({ points }) => points.map(({ metric }) => metric));
    for (const arm of study.arms) {
      const own = armSettings(study, arm, { quick: false, steps: null }, 0).model;
      for (const key of [...study.metrics.map((metric) => metric.key), ...claimed, ...drawn])
        expect(knownBounds(key, own), `${arm.name}: ${key}`).not.toBeNull();
    }
  });

  it.each([
    ['loss', 0, infinity],
    ['loss/moby-dick', 0, infinity],
    ['mtpLoss2', 0, infinity],
    ['acceptance/code', 0, 1],
    ['domainDistance', 0, 1],
    ['maxVioBatch', 0, 3],
    ['deadExperts', 0, 48],
    ['domainKl', 0, Math.log(4)],
    ['nodesMean', 1, 2],
    ['topOffPenalty', -infinity, infinity],
  ])('of %s are %d and %d', (key, min, max) => {
    expect(knownBounds(key, model)).toEqual({ min, max });
  });

  it('of the imbalance are met when all tokens take the same experts', () => {
    const counts = Array.from({ length: 16 }, (_, expert) => (expert < 4 ? 7 : 0));
    const { maxVio, deadExperts } = loadStatistics(counts);
    expect(maxVio).toBe(knownBounds('maxVioGlobal', model)?.max);
    expect(4 * deadExperts).toBe(knownBounds('deadExperts', model)?.max);
  });

  it('are those of the study for a metric of its own, and none for a key nobody knows', () => {
    const metrics = [{ key: 'entropy', label: 'entropy', bounds: { min: 2 } }];
    expect(boundsOf({ metrics }, 'entropy', model)).toEqual({ min: 2, max: infinity });
    expect(boundsOf({ metrics }, 'whatever', model)).toEqual({ min: -infinity, max: infinity });
  });

  it('of a difference are as far apart as the two can be', () => {
    const share = { min: 0, max: 1 };
    const loss = { min: 0, max: infinity };
    expect(boundsOfDifference(share, share)).toEqual({ min: -1, max: 1 });
    expect(boundsOfDifference(share, { min: 0, max: 3 })).toEqual({ min: -3, max: 1 });
    expect(boundsOfDifference(loss, loss)).toEqual({ min: -infinity, max: infinity });
  });
});

describe('toInterval', () => {
  const share = { min: 0, max: 1 };

  it('leaves an interval inside its bounds as it is', () => {
    expect(toInterval({ mean: 0.5, low: 0.4, high: 0.6, n: 3 }, share)).toEqual({
      mean: 0.5,
      low: 0.4,
      high: 0.6,
      n: 3,
    });
  });

  it('cuts at either bound and says so', () => {
    expect(toInterval({ mean: 0.1, low: -0.2, high: 0.4, n: 2 }, share)).toEqual({
      ...{ mean: 0.1, low: 0, high: 0.4, n: 2 },
      isCut: true,
    });
    expect(toInterval({ mean: 0.9, low: 0.7, high: 1.1, n: 2 }, share)).toMatchObject({
      low: 0.7,
      high: 1,
      isCut: true,
    });
  });

  it('has no ends for a single value, and nothing for none', () => {
    expect(toInterval(estimate([0.7]), share)).toEqual({ mean: 0.7, low: null, high: null, n: 1 });
    expect(toInterval(null, share)).toBeNull();
  });

  const shares = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 });

  it('stays within the bounds and holds the mean, whatever the values', () => {
    fc.assert(
      fc.property(shares, (values) => {
        const { mean, low, high } = toInterval(estimate(values), share)!;
        // A mean of ones may come out a rounding above 1.
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeLessThanOrEqual(1 + 1e-12);
        expect(low! <= mean && mean <= high!).toBe(true);
      }),
    );
  });

  it('decides no claim otherwise than the interval that was not cut', () => {
    fc.assert(
      fc.property(shares, fc.double({ min: 0, max: 1, noNaN: true }), (values, threshold) => {
        const whole = estimate(values)!;
        const { low, high } = toInterval(whole, share)!;
        for (const expectation of [{ below: threshold }, { above: threshold }])
          expect(judge({ ...whole, low: low!, high: high! }, expectation, false)).toBe(
            judge(whole, expectation, false),
          );
      }),
    );
  });
});
