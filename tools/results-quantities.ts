// The quantities that prose may name, computed from the runs that are kept.

import { bySeed } from '../src/experiments/comparisons.ts';
import { type Estimate, estimate, pairedDifference, pairedRatio } from '../src/experiments/statistics.ts';
import type { StudyResults } from '../src/report/study-results.ts';

type OfStudy = (results: StudyResults, ...args: string[]) => number;
type OfPage = (all: readonly StudyResults[]) => number;

function valuesOf(results: StudyResults, arm: string, metric: string) {
  const found = results.arms.find(({ name }) => name === arm);
  if (found === undefined) throw new Error(`${results.name} has no arm ${arm}`);
  const runs = found.runs.map(({ seed, measured }) => ({ arm, seed, measured }));
  return bySeed(runs, arm, metric);
}

function known(found: Estimate | null, what: string): Estimate {
  if (found === null) throw new Error(`${what}: not measured`);
  return found;
}

function meanOf(results: StudyResults, arm: string, metric: string): number {
  return known(estimate([...valuesOf(results, arm, metric).values()]), `${arm} ${metric}`).mean;
}

function differenceOf(results: StudyResults, arm: string, against: string, metric: string): Estimate {
  const found = pairedDifference(valuesOf(results, arm, metric), valuesOf(results, against, metric));
  return known(found, `${arm} minus ${against}: ${metric}`);
}

function ratioOf(results: StudyResults, arm: string, against: string, metric: string): number {
  const found = pairedRatio(valuesOf(results, arm, metric), valuesOf(results, against, metric));
  return known(found, `${arm} over ${against}: ${metric}`).mean;
}

/** Of one study; arms are compared seed by seed. */
const ofStudy: Readonly<Record<string, OfStudy>> = {
  mean: (results, arm = '', metric = '') => meanOf(results, arm, metric),
  difference: (results, a = '', b = '', metric = '') => differenceOf(results, a, b, metric).mean,
  /** Half of the 95 % interval of a difference, and its ends. */
  half: (results, a = '', b = '', metric = '') => {
    const { low, high } = differenceOf(results, a, b, metric);
    return (high - low) / 2;
  },
  high: (results, a = '', b = '', metric = '') => differenceOf(results, a, b, metric).high,
  ratio: (results, a = '', b = '', metric = '') => ratioOf(results, a, b, metric),
  /** The mean difference over the first seeds alone. */
  early: (results, count = '', a = '', b = '', metric = '') => {
    const arms = results.arms.map((arm) => ({ ...arm, runs: arm.runs.slice(0, Number(count)) }));
    return differenceOf({ ...results, arms }, a, b, metric).mean;
  },
  /** What `a` has less than `b`, as a share of `b`. */
  saving: (results, a = '', b = '', metric = '') => 1 - ratioOf(results, a, b, metric),
  /** Between the lowest and the highest arm. */
  spread: (results, metric = '') => {
    const means = results.arms.map(({ name }) => meanOf(results, name, metric));
    return Math.max(...means) - Math.min(...means);
  },
  /** The largest difference of an arm from the first one. */
  change: (results, metric = '') => {
    const [first, ...others] = results.arms.map(({ name }) => name);
    return Math.max(...others.map((name) => Math.abs(differenceOf(results, name, first ?? '', metric).mean)));
  },
  seeds: ({ seeds }) => seeds,
  arms: ({ arms }) => arms.length,
  /** Of all runs together, two at a time. */
  minutes: ({ arms }) =>
    arms.flatMap(({ runs }) => runs).reduce((sum, { measured }) => sum + (measured.seconds ?? 0), 0) / 2 / 60,
  claimsOfStudy: ({ verdicts }) => verdicts.length,
};

function claimsOf(all: readonly StudyResults[]) {
  return all.flatMap(({ verdicts }) => verdicts.flatMap((row) => (row.verdict === null ? [] : [row])));
}

/** Of the whole page, whose claims are corrected together. */
const ofPage: Readonly<Record<string, OfPage>> = {
  studies: (all) => all.length,
  claims: (all) => claimsOf(all).length,
  decided: (all) => claimsOf(all).filter(({ verdict }) => verdict !== 'not distinguishable').length,
  corrected: (all) => claimsOf(all).filter(({ holm }) => holm.verdict !== 'not distinguishable').length,
  /** Decided by numbers that are the same in every seed. */
  certain: (all) => claimsOf(all).filter(({ pValue }) => pValue === 0).length,
};

/** The value of a quantity. Throws if there is none of that name, or if the results lack what it needs. */
export function quantityOf(
  quantity: string,
  args: readonly string[],
  results: StudyResults | undefined,
  all: readonly StudyResults[],
): number {
  const page = ofPage[quantity];
  if (page !== undefined) return page(all);
  const own = ofStudy[quantity];
  if (own === undefined) throw new Error(`there is no quantity ${quantity}`);
  if (results === undefined) throw new Error(`${quantity}: of which study? Name it: \`<!-- balance: ${quantity} -->\``);
  return own(results, ...args);
}
