// Which studies are large enough to judge claims by: at least the size that the rules were written for. Smaller ones
// give numbers and no verdicts.

import { enumerate, formatCount } from '../report/format.ts';
import type { Judgement } from '../report/study-results.ts';
import type { Plan } from './plan.ts';
import { armSettings, type StudySize } from './settings.ts';
import type { Estimate } from './statistics.ts';
import type { Hypothesis, Study } from './study.ts';
import { judge, pValueOf } from './verdict.ts';

/** The number of seeds that a study runs unless another number is asked for. */
export function usualSeeds({ seeds = 3 }: Study, quick: boolean): number {
  return quick ? 2 : seeds;
}

/** The fewest seeds by which claims are judged: those of the study, and at least two, since one has no interval. */
function neededSeeds(study: Study): number {
  return Math.max(2, usualSeeds(study, false));
}

function stepsOf(study: Study, size: StudySize): number[] {
  return study.arms.map((arm) => armSettings(study, arm, size, 0).train.steps);
}

/** Procedures are not counted in steps. */
function sizeText({ procedure }: Study, seeds: number, [steps = 0]: readonly number[]): string {
  const seedsText = `${seeds} ${seeds === 1 ? 'seed' : 'seeds'}`;
  if (procedure !== undefined) return seedsText;
  return `${seedsText} of ${formatCount(steps)} ${steps === 1 ? 'step' : 'steps'}`;
}

/** What the claims of a study are judged by, before there are files. */
export type PlannedStudy = Pick<Plan, 'study' | 'quick' | 'steps' | 'seeds'>;

/** One or two sentences that say why a plan gives no verdicts, and how to run it to get them; null if it gives them. */
export function whyNotJudged(plan: PlannedStudy): string | null {
  const { study, quick, seeds } = plan;
  const own = stepsOf(study, plan);
  const full = stepsOf(study, { quick: false, steps: null });
  const needed = neededSeeds(study);
  const hasFewSteps = plan.steps !== null && own.some((steps, arm) => steps < full[arm]!);
  const hasFewSeeds = seeds < needed && seeds !== usualSeeds(study, quick);
  if (!quick && !hasFewSteps && seeds >= needed) return null;
  const flags = [
    ...(quick ? ['--quick'] : []),
    ...(hasFewSteps ? ['--steps'] : []),
    ...(hasFewSeeds ? ['--seeds'] : []),
  ];
  const remedy = flags.length === 0 ? `with --seeds ${needed}` : `without ${enumerate(flags)}`;
  return (
    `No verdicts: the rules need at least ${sizeText(study, needed, full)}, and this is a ${quick ? 'quick ' : ''}study of ` +
    `${sizeText(study, seeds, own)}. Run it ${remedy} to have the claims judged.`
  );
}

/**
 * The verdict on a claim, or why there is none: `shortfall` (`whyNotJudged` of the plan), or missing runs or values.
 */
export function judgementOf(
  { expect, as }: Hypothesis,
  found: Estimate | null,
  study: Study,
  shortfall: string | null,
): Judgement {
  if (shortfall !== null) return { verdict: null, reason: shortfall };
  const needed = neededSeeds(study);
  if (found !== null && found.n >= needed) {
    const isRatio = as === 'ratio';
    return { verdict: judge(found, expect, isRatio), pValue: pValueOf(found, expect, isRatio) };
  }
  const known = found === null ? 'none' : `only ${found.n}`;
  return { verdict: null, reason: `No verdict: the rule needs ${needed} seeds, and ${known} can be compared.` };
}
