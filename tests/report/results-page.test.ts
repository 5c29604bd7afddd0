import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { armCells, claimRows } from '../../src/experiments/comparisons.ts';
import { studies } from '../../src/experiments/studies/index.ts';
import type { Interval, StudyResults } from '../../src/report/study-results.ts';
import { bareNumbers } from '../../tools/results-prose.ts';
import { readKept, resultsPage } from '../../tools/results-text.ts';
import { expectAllClose } from '../all-close.ts';

const kept = readKept();
const page = readFileSync('docs/results.md', 'utf8');

/** What the kept runs of a study give now: the ends of its intervals, and its verdicts with their p values. */
function recalculated({ name, seeds, arms }: StudyResults) {
  const study = studies.find((one) => one.name === name)!;
  const runs = arms.flatMap((arm) => arm.runs.map(({ seed, measured }) => ({ arm: arm.name, seed, measured })));
  const plan = { study, quick: false, steps: null, seeds };
  return { cells: arms.map((arm) => armCells(plan, runs, arm.name)), verdicts: claimRows(plan, runs) };
}

function ends(interval: Interval | null): number[] {
  return interval === null ? [] : [interval.mean, interval.low!, interval.high!];
}

describe('docs/results.md', () => {
  test('says what the kept results say, in its tables and in its prose', () => {
    expect(resultsPage(page, kept)).toBe(page);
  });

  test('has no number in its prose that does not say where it comes from', () => {
    expect(bareNumbers(page)).toEqual([]);
  });

  test('corrects all of its claims together', () => {
    const claims = kept.flatMap(({ verdicts }) => verdicts);
    expect(claims).toHaveLength(studies.flatMap(({ hypotheses }) => hypotheses).length);
    for (const { correctedFor } of kept) expect(correctedFor).toBe(claims.length);
    expect(page).toContain(`corrected for ${claims.length} claims`);
  });

  test.each(studies.map((study) => [study.name, study] as const))(
    'has %s at full size, as it is written now',
    (name, study) => {
      const results = kept.find((one) => one.name === name);
      const { title, question, equal } = study;
      expect(results).toMatchObject({ quick: false, title, question, equal });
      const { arms, seeds, verdicts } = results!;
      expect(seeds).toBeGreaterThanOrEqual(study.seeds ?? 3);
      expect(arms.map((arm) => [arm.name, arm.runs.length])).toEqual(study.arms.map((arm) => [arm.name, seeds]));
      expect(verdicts.map(({ claim }) => claim)).toEqual(study.hypotheses.map(({ claim }) => claim));
      expect(results!.command).toBe(`npx tinyseek ablate ${name} --seeds ${seeds} --out runs/ablate-${name}`);
      expect(existsSync(`docs/results/${name}.png`)).toBe(true);
    },
  );

  test.each(kept.map((results) => [results.name, results] as const))(
    'has intervals and verdicts of %s that follow from its runs',
    (_name, results) => {
      const { cells, verdicts } = recalculated(results);
      // Runs are kept with seven digits or more: a value below 10 is known to 1e-6, and an interval's end to a few
      // times that.
      const digits = { rtol: 2e-6, atol: 1e-5 };
      for (const [i, arm] of results.arms.entries()) {
        for (const [j, { value, difference }] of arm.cells.entries()) {
          const own = cells[i]![j]!;
          expectAllClose([...ends(own.value), ...ends(own.difference)], [...ends(value), ...ends(difference)], digits);
        }
      }
      for (const [i, row] of results.verdicts.entries()) {
        const own = verdicts[i]!;
        expect([own.rule, own.verdict], row.claim).toEqual([row.rule, row.verdict]);
        expectAllClose(ends(own.found), ends(row.found), digits, row.claim);
        if (own.verdict === null || row.verdict === null) throw new Error(`${row.claim}: no verdict`);
        // An end of an interval that is 1e-5 off moves a p value of these claims by less than a hundredth of itself.
        expectAllClose([own.pValue], [row.pValue], { rtol: 1e-2, atol: 1e-6 }, row.claim);
      }
    },
  );
});
