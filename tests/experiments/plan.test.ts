import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { jobsOf, openPlan, type Plan } from '../../src/experiments/plan.ts';
import { studies } from '../../src/experiments/studies/index.ts';

const study = studies.find(({ name }) => name === 'moe-vs-dense')!;
let out: string;
let plan: Plan;

beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'tinyseek-plan-'));
  plan = { study, source: study.name, quick: false, steps: 300, seeds: 2, out };
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

describe('jobsOf', () => {
  it('goes seed by seed, each arm in a folder of its own, with its own number of steps', () => {
    const jobs = jobsOf(plan);
    expect(jobs.map(({ arm, seed, steps }) => [arm.name, seed, steps]).slice(0, 5)).toEqual([
      ['moe', 0, 300],
      ['dense-flops', 0, 300],
      ['dense-time', 0, 345],
      ['dense-parameters', 0, 300],
      ['moe', 1, 300],
    ]);
    expect(jobs[4]?.runDir).toBe(join(out, 'runs', 'moe', 'seed-1'));
  });
});

describe('openPlan', () => {
  it('goes on with the same study, with more seeds or fewer', () => {
    openPlan(plan);
    expect(() => openPlan(plan)).not.toThrow();
    expect(() => openPlan({ ...plan, seeds: 5 })).not.toThrow();
  });

  it('refuses another size, another study and changed arms', () => {
    openPlan(plan);
    expect(() => openPlan({ ...plan, steps: 301 })).toThrow(
      /other settings \(steps\); choose another folder with --out/,
    );
    expect(() => openPlan({ ...plan, quick: true })).toThrow(/\(quickChanges, quick\)/);
    expect(() => openPlan({ ...plan, study: { ...study, arms: study.arms.slice(1) } })).toThrow(/\(arms\)/);
  });

  it('refuses a folder with something else in it, but not one that is only locked', () => {
    writeFileSync(join(out, 'run.lock'), '{}');
    expect(() => openPlan(plan)).not.toThrow();
    rmSync(join(out, 'study.json'));
    writeFileSync(join(out, 'diary.txt'), 'dear');
    expect(() => openPlan(plan)).toThrow(/is not empty \(it has diary\.txt\) and holds no study/);
  });
});
