import { describe, expect, it } from 'vitest';
import { judgementOf, usualSeeds, whyNotJudged } from '../../src/experiments/evidence.ts';
import type { Plan } from '../../src/experiments/plan.ts';
import { studies } from '../../src/experiments/studies/index.ts';
import type { Study } from '../../src/experiments/study.ts';

const balance = studies.find(({ name }) => name === 'balance')!;

function plan(changes: Partial<Plan> = {}, study: Study = balance): Plan {
  return {
    study,
    source: study.name,
    quick: false,
    steps: null,
    seeds: usualSeeds(study, false),
    out: 'x',
    ...changes,
  };
}

describe('whyNotJudged', () => {
  it.each(studies.map((study) => [study.name, study] as const))(
    'has nothing against %s at its own size or a larger one, and refuses the quick size',
    (_name, study) => {
      expect(whyNotJudged(plan({}, study))).toBeNull();
      expect(whyNotJudged(plan({ seeds: usualSeeds(study, false) + 2, steps: 5000 }, study))).toBeNull();
      const quick = { quick: true, seeds: usualSeeds(study, true) };
      expect(whyNotJudged(plan(quick, study))).toMatch(/^No verdicts: .* Run it without --quick to have/);
    },
  );

  it('says which size the rules need, which this is, and what to leave out', () => {
    expect(whyNotJudged(plan({ quick: true, seeds: 2 }))).toBe(
      'No verdicts: the rules need at least 3 seeds of 2,000 steps, and this is a quick study of 2 seeds of 60 steps. ' +
        'Run it without --quick to have the claims judged.',
    );
    expect(whyNotJudged(plan({ seeds: 1 }))).toBe(
      'No verdicts: the rules need at least 3 seeds of 2,000 steps, and this is a study of 1 seed of 2,000 steps. ' +
        'Run it without --seeds to have the claims judged.',
    );
  });

  it.each([
    [{ seeds: 2 }, '--seeds'],
    [{ steps: 1999 }, '--steps'],
    [{ steps: 1, seeds: 1 }, '--steps and --seeds'],
    [{ quick: true, seeds: 9, steps: 9000 }, '--quick'],
    [{ quick: true, seeds: 1, steps: 9 }, '--quick, --steps and --seeds'],
  ])('refuses %j, however it is smaller', (size, flags) => {
    expect(whyNotJudged(plan(size))).toContain(`Run it without ${flags} to have`);
  });

  it('refuses a single seed even of a study that names no more', () => {
    expect(whyNotJudged(plan({}, { ...balance, seeds: 1 }))).toMatch(/need at least 2 seeds .* Run it with --seeds 2/);
  });
});

describe('judgementOf', () => {
  const [hypothesis] = balance.hypotheses; // maxVioGlobal of `none` is above 1
  const found = (n: number) => ({ mean: 2, low: 1.5, high: 2.5, n });

  it('gives the verdict of the rule when the size and the seeds are there', () => {
    expect(judgementOf(hypothesis!, found(3), balance, null)).toEqual({
      verdict: 'reproduced',
      pValue: expect.closeTo(0.013, 3), // t = 1 / (0.5 / 4.302653) = 8.605, 2 degrees of freedom
    });
  });

  it('gives no verdict at a small size, whatever was found', () => {
    expect(judgementOf(hypothesis!, found(3), balance, 'Too small.')).toEqual({ verdict: null, reason: 'Too small.' });
  });

  it('gives no verdict while seeds are missing, or have nothing to compare', () => {
    expect(judgementOf(hypothesis!, found(2), balance, null)).toEqual({
      verdict: null,
      reason: 'No verdict: the rule needs 3 seeds, and only 2 can be compared.',
    });
    expect(judgementOf(hypothesis!, null, balance, null)).toMatchObject({
      verdict: null,
      reason: expect.stringContaining('none can be compared'),
    });
  });
});
