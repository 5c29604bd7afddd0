import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TrainConfig } from '../../src/config/train-config.ts';
import { type PlanChange, planRun } from '../../src/train/plan-changes.ts';
import { nanoTrain } from './nano.ts';

const train: TrainConfig = {
  ...nanoTrain,
  steps: 40,
  batchSize: 8,
  learningRate: 1,
  lrSchedule: 'deepseek-v3',
  warmupFraction: 0.05,
  batchSizeSchedule: 'deepseek-v3',
};

const rates = (config: TrainConfig, changes: readonly PlanChange[] = []) =>
  planRun(config, changes).map(({ learningRate }) => learningRate);

const change = (schedule: PlanChange['schedule'], atStep: number, from: number, to: number): PlanChange => ({
  atStep,
  from,
  to,
  schedule,
});

describe('planRun with changes', () => {
  it('extended: what is done stays, the rest is what the fractions of the longer run say', () => {
    const constant = { ...train, batchSizeSchedule: 'constant' } as const;
    const extended = planRun({ ...constant, steps: 100 }, [change('extended', 30, 40, 100)]);
    const drop = (plan: typeof extended) => plan.map(({ progress: _progress, ...step }) => step);
    expect(drop(extended.slice(0, 30))).toEqual(drop(planRun(constant).slice(0, 30)));
    expect(extended.slice(30)).toEqual(planRun({ ...constant, steps: 100 }).slice(30));
  });

  it('kept: the old plan to its end, then its last values', () => {
    const before = rates(train);
    const after = rates({ ...train, steps: 60 }, [change('kept', 40, 40, 60)]);
    expect(after.slice(0, 40)).toEqual(before);
    expect(after.slice(40)).toEqual(Array(20).fill(before.at(-1)));
  });

  it('can be made shorter, and changed again and again', () => {
    const changes = [change('extended', 10, 40, 20), change('kept', 20, 20, 30), change('extended', 25, 30, 50)];
    const plan = planRun({ ...train, steps: 50 }, changes);
    expect(plan).toHaveLength(50);
    expect(plan.slice(20, 25).map(({ learningRate }) => learningRate)).toEqual(Array(5).fill(plan[19]?.learningRate));
    expect(plan.at(-1)?.progress).toBe(1);
  });

  it('property: every row is read once and in order, progress grows to 1, and no step is planned twice', () => {
    const lengths = fc.array(fc.record({ kept: fc.boolean(), at: fc.nat(99), to: fc.integer({ min: 1, max: 99 }) }), {
      maxLength: 4,
    });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 60 }), (wishes, steps) => {
        let from = steps;
        const changes = wishes.map(({ kept, at, to: more }) => {
          const atStep = Math.min(at, from);
          const made = change(kept ? 'kept' : 'extended', atStep, from, Math.max(atStep, more));
          from = made.to;
          return made;
        });
        const plan = planRun({ ...train, steps: from }, changes);
        expect(plan.map(({ step }) => step)).toEqual(Array.from({ length: from }, (_, i) => i));
        let next = 0;
        for (const { firstSample, batchSize, progress } of plan) {
          expect(firstSample).toBe(next);
          next += batchSize;
          expect(progress).toBeLessThanOrEqual(1);
        }
        if (from > 0) expect(plan.at(-1)?.progress).toBe(1);
      }),
    );
  });
});
