import { describe, expect, it } from 'vitest';
import { trainingCost } from '../../src/cluster/cost.ts';
import { modelPreset } from '../../src/config/presets.ts';
import { UserError } from '../../src/errors.ts';

const v3 = modelPreset('deepseek-v3');

describe('trainingCost', () => {
  it('gives every cell of table 1 of the report (golden)', () => {
    const { preTraining, contextExtension, postTraining, total } = trainingCost(v3);
    expect([preTraining, contextExtension, postTraining, total]).toEqual([
      { gpuHours: 2_664_000, dollars: 5_328_000 },
      { gpuHours: 119_000, dollars: 238_000 },
      { gpuHours: 5_000, dollars: 10_000 },
      { gpuHours: 2_788_000, dollars: 5_576_000 },
    ]);
  });

  it('gives the other numbers that the report derives: 3.7 days a trillion tokens, less than two months', () => {
    const { daysPerTrillionTokens, days, gpuHoursPerTrillionTokens } = trainingCost(v3);
    expect(gpuHoursPerTrillionTokens).toBe(180_000);
    expect(daysPerTrillionTokens).toBeCloseTo(3.66, 2);
    expect(days).toBeCloseTo(54.2, 1);
  });

  it('charges tokens, price and GPUs in proportion', () => {
    const cost = trainingCost(v3, { tokens: 1e12, gpuHourPrice: 3, gpus: 1024 });
    expect(cost.preTraining).toEqual({ gpuHours: 180_000, dollars: 540_000 });
    expect(cost.contextExtension.dollars).toBe(3 * 119_000);
    expect(cost.days).toBeCloseTo(2 * 3.66, 2);
  });

  it('charges another model by its arithmetic, and says so', () => {
    const lite = trainingCost(modelPreset('deepseek-v2-lite'));
    const whole = trainingCost(v3);
    expect(lite.preTraining.gpuHours / whole.preTraining.gpuHours).toBeCloseTo(
      lite.flopsPerToken / whole.flopsPerToken,
      12,
    );
    expect(lite.assumptions.at(-1)).toMatch(/charged in proportion/);
  });

  it('refuses amounts that are none', () => {
    expect(() => trainingCost(v3, { tokens: 0 })).toThrow(UserError);
    expect(() => trainingCost(v3, { gpuHourPrice: Number.NaN })).toThrow('price of a GPU hour: expected');
  });
});
