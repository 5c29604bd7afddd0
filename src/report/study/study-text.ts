// What the page and the Markdown of a study say alike.

import { formatCount, formatDuration, formatNumber } from '../format.ts';
import type { ArmResults, Interval, StudyResults } from '../study-results.ts';

function signed(value: number): string {
  const size = Math.abs(value);
  return `${value < 0 ? '\u2212' : ''}${size >= 1e4 ? formatCount(size) : formatNumber(size)}`;
}

/** `4.284 ± 0.012`, `0.120 [0.000, 0.347]` where the interval is cut, or the value alone where there is one only. */
export function intervalText({ mean, low, high, isCut = false }: Interval): string {
  if (low === null || high === null) return signed(mean);
  return isCut ? `${signed(mean)} [${signed(low)}, ${signed(high)}]` : `${signed(mean)} ± ${signed(high - mean)}`;
}

/** `+0.031 ± 0.012`. */
export function changeText(difference: Interval): string {
  return `${difference.mean > 0 ? '+' : ''}${intervalText(difference)}`;
}

/** `0.310 (0.250 to 0.390)`. */
export function rangeText({ mean, low, high }: Interval): string {
  const range = low === null || high === null ? 'one seed, no interval' : `${signed(low)} to ${signed(high)}`;
  return `${signed(mean)} (${range})`;
}

/** Mean of a measurement over the runs of an arm; NaN if one lacks it. */
export function meanMeasured({ runs }: ArmResults, key: string): number {
  return runs.reduce((sum, { measured }) => sum + (measured[key] ?? Number.NaN), 0) / runs.length;
}

/** What a run of the arm costs: seeds, steps, tokens, parameters, active ones, FLOPs, wall clock; '' if not known. */
export function costCells(arm: ArmResults): string[] {
  const { runs, steps, parameters, activeParameters } = arm;
  const known = (value: number, show: (value: number) => string) => (Number.isFinite(value) ? show(value) : '');
  return [
    String(runs.length),
    steps === null ? '' : formatCount(steps),
    known(meanMeasured(arm, 'tokens'), formatCount),
    formatCount(parameters),
    formatCount(activeParameters),
    known(meanMeasured(arm, 'flops') / 1e12, (flops) => `${flops.toPrecision(3)} T`),
    known(meanMeasured(arm, 'seconds'), formatDuration),
  ];
}

export function countRuns({ arms }: StudyResults): number {
  return arms.reduce((sum, { runs }) => sum + runs.length, 0);
}

/** With which seeds and where it ran. */
export function seedsAndMachine({ seeds, environment }: StudyResults): string {
  const { tinyseek, node, machine, backend } = environment;
  return `Seeds 0 to ${seeds - 1}. TinySeek ${tinyseek}, backend ${backend}, Node ${node}, ${machine}`;
}

/** How many intervals the table of arms has. */
export function intervalCount({ arms }: StudyResults): number {
  const intervals = arms.flatMap(({ cells }) => cells.flatMap(({ value, difference }) => [value, difference]));
  return intervals.filter((interval) => interval !== null && interval.low !== null).length;
}

/** Whether the study gives a verdict on any of its claims. */
export function hasVerdicts({ verdicts }: StudyResults): boolean {
  return verdicts.some(({ verdict }) => verdict !== null);
}

/** Heads the table of claims. */
export function claimsTitle(results: StudyResults): string {
  return hasVerdicts(results) ? 'Verdicts' : 'Claims';
}

/** `p = 0.0056`, `p < 0.0001`. */
export function pText(pValue: number): string {
  return pValue < 1e-4 ? 'p < 0.0001' : `p = ${Number(pValue.toPrecision(2))}`;
}

function claimCount({ correctedFor }: StudyResults): string {
  return `${correctedFor} ${correctedFor === 1 ? 'claim' : 'claims'}`;
}

/** Heads the column of verdicts after Holm's correction. */
export function correctedTitle(results: StudyResults): string {
  return `corrected for ${claimCount(results)}`;
}

/** How far verdicts, or intervals without verdicts, can be trusted beside so many others; goes below the claims. */
export function claimsNote(results: StudyResults): string {
  const count = claimCount(results);
  return hasVerdicts(results)
    ? 'Each verdict judges its claim as if it were the only one. The corrected verdicts count ' +
        `${count} (Holm's method): the chance that even one of them is decided wrongly is at most 5 %. ` +
        'p values are two-sided.'
    : `Intervals are of 95 %, each as if its claim were the only one; there are ${count}.`;
}

/** Whether a table of arms has an interval that ends at a bound. */
export function hasCutIntervals({ arms }: StudyResults): boolean {
  const intervals = arms.flatMap(({ cells }) => cells.flatMap(({ value, difference }) => [value, difference]));
  return intervals.some((interval) => interval?.isCut === true);
}

/** What to know before believing a table; why there are no verdicts, if there are none. */
export function caveats(results: StudyResults): string[] {
  const { quick, plannedRuns, seeds, verdicts } = results;
  const done = countRuns(results);
  const reasons = hasVerdicts(results) ? [] : verdicts.flatMap((row) => (row.verdict === null ? [row.reason] : []));
  return [
    ...(quick && reasons.length === 0 ? ['Quick size: its runs are far too short to tell arms apart.'] : []),
    ...new Set(reasons),
    ...(done < plannedRuns ? [`${done} of ${plannedRuns} runs are done.`] : []),
    ...(seeds === 1 ? ['One seed has no interval.'] : []),
  ];
}
