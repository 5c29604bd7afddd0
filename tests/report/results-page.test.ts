import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { studies } from '../../src/experiments/studies/index.ts';
import { readKept, resultsPage } from '../../tools/results-text.ts';

const kept = readKept();

describe('docs/results.md', () => {
  test('says what the kept results say', () => {
    const page = readFileSync('docs/results.md', 'utf8');
    expect(resultsPage(page, kept)).toBe(page);
  });

  test.each(studies.map((study) => [study.name, study] as const))(
    'has %s at full size, as it is written now',
    (name, study) => {
      const results = kept.find((one) => one.name === name);
      expect(results).toMatchObject({ quick: false, title: study.title });
      const { arms, seeds, verdicts } = results!;
      expect(seeds).toBeGreaterThanOrEqual(study.seeds ?? 3);
      expect(arms.map((arm) => [arm.name, arm.runs.length])).toEqual(study.arms.map((arm) => [arm.name, seeds]));
      expect(verdicts.map(({ claim }) => claim)).toEqual(study.hypotheses.map(({ claim }) => claim));
      expect(existsSync(`docs/results/${name}.png`)).toBe(true);
    },
  );
});
