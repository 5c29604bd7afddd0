import { describe, expect, it } from 'vitest';
import { planRun } from '../../src/train/plan-changes.ts';
import { batchSizeAt, biasSpeedAt, learningRateAt, mtpWeightAt } from '../../src/train/schedules.ts';
import { nanoTrain } from './nano.ts';

const report = { learningRate: 2.2e-4, lrSchedule: 'deepseek-v3', warmupFraction: 2000 / 240_000 } as const;
const at = (trillions: number) => learningRateAt(trillions / 14.8, report);

describe('learningRateAt', () => {
  // Golden points of the report's schedule (4.2): all the digits it prints, hence relative 1e-12.
  it.each([
    [5, 2.2e-4],
    [10, 2.2e-4],
    [14.3, 2.2e-5],
    [14.5, 2.2e-5],
    [14.7, 7.3e-6],
    [14.8, 7.3e-6],
  ])('golden: after %sT of 14.8T tokens the report trains at %s', (trillions, expected) => {
    expect(at(trillions) / expected).toBeCloseTo(1, 12);
  });

  it('golden: half-way through the warm-up it is half the peak', () => {
    expect(learningRateAt(1000 / 240_000, report)).toBeCloseTo(1.1e-4, 15);
  });

  it('follows half a cosine wave between 10T and 14.3T', () => {
    expect(at((10 + 14.3) / 2)).toBeCloseTo((2.2e-4 + 2.2e-5) / 2, 15);
  });

  it('never rises after the warm-up', () => {
    const rates = Array.from({ length: 500 }, (_, i) => at(0.2 + (14.6 * i) / 499));
    expect(rates.every((rate, i) => i === 0 || rate <= (rates[i - 1] ?? 0))).toBe(true);
  });

  it('cosine ends at a tenth, constant stays, and neither needs a warm-up', () => {
    const settings = { learningRate: 3, warmupFraction: 0 };
    expect(learningRateAt(1, { ...settings, lrSchedule: 'cosine' })).toBeCloseTo(0.3, 14);
    expect(learningRateAt(0.5, { ...settings, lrSchedule: 'cosine' })).toBeCloseTo(1.65, 14);
    expect(learningRateAt(1, { ...settings, lrSchedule: 'constant' })).toBe(3);
    expect(learningRateAt(0, { ...settings, lrSchedule: 'constant' })).toBe(3);
  });
});

describe('batchSizeAt', () => {
  const settings = { batchSize: 15_360, batchSizeSchedule: 'deepseek-v3', gradAccumSteps: 1 } as const;

  it('golden: rises from 3072 to 15360 sequences over the first 469B tokens', () => {
    expect(batchSizeAt(0, settings)).toBe(3072);
    expect(batchSizeAt(469 / 2 / 14_800, settings)).toBe(9216);
    expect(batchSizeAt(469 / 14_800, settings)).toBe(15_360);
    expect(batchSizeAt(1, settings)).toBe(15_360);
  });

  it('is always a positive multiple of the accumulation steps', () => {
    const small = { ...settings, batchSize: 21, gradAccumSteps: 7 };
    const sizes = [0, 0.01, 0.02, 0.03, 0.04, 1].map((progress) => batchSizeAt(progress, small));
    expect(sizes).toEqual([7, 7, 14, 21, 21, 21]);
  });
});

describe('biasSpeedAt and mtpWeightAt', () => {
  it('freezes the bias for the last fraction of the run only', () => {
    const settings = { expertBiasUpdateSpeed: 0.001, expertBiasFreezeFraction: 0.5 / 14.8 };
    expect(biasSpeedAt(14.2 / 14.8, settings)).toBe(0.001);
    expect(biasSpeedAt(14.4 / 14.8, settings)).toBe(0);
    expect(biasSpeedAt(1, { ...settings, expertBiasFreezeFraction: 0 })).toBe(0.001);
  });

  it('lowers the weight of the MTP loss at the switch', () => {
    const settings = { mtpLossWeight: 0.3, mtpLossWeightFinal: 0.1, mtpLossSwitchFraction: 10 / 14.8 };
    expect(mtpWeightAt(10 / 14.8, settings)).toBe(0.3);
    expect(mtpWeightAt(10.1 / 14.8, settings)).toBe(0.1);
  });
});

describe('planRun', () => {
  it('reads consecutive rows and ends at progress 1', () => {
    const plan = planRun({ ...nanoTrain, steps: 997, batchSize: 30, batchSizeSchedule: 'deepseek-v3' });
    expect(plan).toHaveLength(997);
    expect(plan[0]?.batchSize).toBe(6);
    expect(plan.at(-1)?.progress).toBe(1);
    for (const [i, step] of plan.entries()) {
      const before = plan[i - 1];
      expect(step.firstSample).toBe(before ? before.firstSample + before.batchSize : 0);
    }
  });

  it('ends the batch-size ramp where 3.17 % of the run is read', () => {
    const plan = planRun({ ...nanoTrain, steps: 5003, batchSize: 1000, batchSizeSchedule: 'deepseek-v3' });
    const full = plan.find((step) => step.batchSize === 1000);
    // Rounding batches to whole sequences moves the end by a step or two, of 5003.
    expect(full?.progress).toBeCloseTo(469 / 14_800, 3);
  });

  it('warms up without a step at rate zero', () => {
    const plan = planRun({ ...nanoTrain, steps: 40, warmupFraction: 0.1, learningRate: 4 });
    // Progress is a rounded quotient, hence a tolerance of 5e-13.
    for (const i of [0, 1, 2, 3]) expect(plan[i]?.learningRate).toBeCloseTo(i + 1, 12);
  });
});
