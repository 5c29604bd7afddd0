// Every study with made-up numbers in its run folders: what its results say at the quick size and at the full one.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Bounds, boundsOf, boundsOfDifference } from '../../src/experiments/bounds.ts';
import { usualSeeds } from '../../src/experiments/evidence.ts';
import { writeMeasured } from '../../src/experiments/measured-file.ts';
import { jobsOf, type Plan } from '../../src/experiments/plan.ts';
import { writeProcedure } from '../../src/experiments/procedure-file.ts';
import { collectResults } from '../../src/experiments/results.ts';
import { resultsMarkdown } from '../../src/experiments/results-markdown.ts';
import { armSettings } from '../../src/experiments/settings.ts';
import { studies } from '../../src/experiments/studies/index.ts';
import type { Study } from '../../src/experiments/study.ts';
import { loadRun } from '../../src/report/load-run.ts';
import { renderStudy } from '../../src/report/study/render-study.ts';
import { hasVerdicts } from '../../src/report/study/study-text.ts';
import type { Interval, StudyResults } from '../../src/report/study-results.ts';
import { makeRun } from '../report/fixture.ts';

const verdictWords = /reproduced|contradicted|not distinguishable/i;

let out: string;
beforeEach(() => {
  out = mkdtempSync(join(tmpdir(), 'tinyseek-results-'));
});
afterEach(() => rmSync(out, { recursive: true, force: true }));

function planOf(study: Study, quick: boolean): Plan {
  return { study, source: study.name, quick, steps: null, seeds: usualSeeds(study, quick), out };
}

function boundsOfArm({ study, ...size }: Plan, name: string, key: string): Bounds {
  const arm = study.arms.find((candidate) => candidate.name === name)!;
  return boundsOf(study, key, armSettings(study, arm, size, 0).model);
}

/** Seed 0 at the least that a number can be, the others one further up: Student's t leaves the bounds. */
function madeUp({ min, max }: Bounds, seed: number): number {
  const low = Number.isFinite(min) ? min : 0;
  return low + Math.min(1, max - low) * Number(seed > 0);
}

/** Leaves the first `done` runs of a plan finished, with numbers for everything that the study looks at. */
function finish(plan: Plan, done = Number.POSITIVE_INFINITY): void {
  const { study } = plan;
  const keys = new Set([...study.metrics.map(({ key }) => key), ...study.hypotheses.map(({ metric }) => metric)]);
  for (const { arm, seed, runDir, steps } of jobsOf(plan).slice(0, done)) {
    mkdirSync(runDir, { recursive: true });
    const { model, train } = armSettings(study, arm, plan, seed);
    const { settings } = makeRun({ name: arm.name, steps: 1 });
    writeFileSync(join(runDir, 'run.json'), JSON.stringify({ ...settings, model, train: { ...train, steps } }));
    const numbers = [...keys].map((key) => [key, madeUp(boundsOfArm(plan, arm.name, key), seed)]);
    if (study.procedure !== undefined) writeProcedure(runDir, { version: '0', backend: 'cpu', curves: {} });
    writeMeasured(runDir, Object.fromEntries(numbers));
  }
}

/** All that is written or drawn of results. */
function everything(results: StudyResults): string {
  const runs = results.arms.map((arm) => arm.runs.flatMap(({ dir, curves }) => (curves ? [] : [loadRun(dir)])));
  return [JSON.stringify(results), resultsMarkdown(results), renderStudy(results, runs)].join('\n');
}

function expectInside({ low, high }: Interval, { min, max }: Bounds, what: string): void {
  expect(low, what).toBeGreaterThanOrEqual(min);
  expect(high, what).toBeLessThanOrEqual(max);
}

describe.each(studies.map((study) => [study.name, study] as const))('results of %s', (_name, study) => {
  it('have numbers and no verdict anywhere at the quick size', () => {
    const plan = planOf(study, true);
    finish(plan);
    const results = collectResults(plan, 'command')!;
    expect(results.verdicts.map(({ verdict }) => verdict)).toEqual(study.hypotheses.map(() => null));
    const text = everything(results);
    // The style sheet of the page names the classes.
    expect(text.replace(/<style>[\s\S]*?<\/style>/, '')).not.toMatch(verdictWords);
    expect(text.match(/Run it without --quick to have the claims judged/g)?.length).toBeGreaterThanOrEqual(3);
  });

  it('have a verdict for every claim that has values to compare at the full size', () => {
    const plan = planOf(study, false);
    finish(plan);
    const { verdicts } = collectResults(plan, 'command')!;
    for (const row of verdicts) expect(row.verdict === null, row.claim).toBe(row.found === null);
  });

  it.each([true, false])('hold every interval within what the quantity can be (quick: %s)', (quick) => {
    const plan = planOf(study, quick);
    finish(plan);
    const { arms, metrics } = collectResults(plan, 'command')!;
    for (const { name, cells } of arms) {
      for (const [i, { value, difference }] of cells.entries()) {
        const { key } = metrics[i]!;
        const own = boundsOfArm(plan, name, key);
        expectInside(value!, own, `${name}: ${key}`);
        if (difference !== null)
          expectInside(difference, boundsOfDifference(own, boundsOfArm(plan, study.arms[0]!.name, key)), key);
      }
    }
  });
});

describe('results of a study that is under way', () => {
  const study = studies.find(({ name }) => name === 'node-limit')!;
  const arms = study.arms.length;

  it('have no verdict before enough seeds are done', () => {
    const plan = planOf(study, false);
    finish(plan, 2 * arms);
    const results = collectResults(plan, 'command')!;
    expect(hasVerdicts(results)).toBe(false);
    expect(resultsMarkdown(results)).toContain('No verdict: the rule needs 3 seeds, and only 2 can be compared.');
  });

  it('judge a claim whose arms are done and say of another why it has to wait', () => {
    const plan = planOf(study, false);
    finish(plan, 2 * arms + 1); // the third seed of `all-nodes` alone
    const results = collectResults(plan, 'command')!;
    const judged = results.verdicts.filter(({ verdict }) => verdict !== null).map(({ claim }) => claim);
    expect(judged).toEqual(['Without a limit a token reaches more than 4 nodes.']);
    expect(everything(results)).toMatch(
      /<td colspan="2"><small>No verdict: the rule needs 3 seeds, and only 2 can be compared/,
    );
  });
});
