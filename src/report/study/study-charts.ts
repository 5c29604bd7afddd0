// The charts of a study: curves over the run with their seed bands, and what is drawn for one run of each arm.

import { type Band, bandFigure, bandOf } from '../charts/band-chart.ts';
import { biasFigure } from '../charts/bias-chart.ts';
import { domainLoadFigure } from '../charts/domain-charts.ts';
import { loadMapFigure } from '../charts/load-map.ts';
import { type Point, pointsOf, smooth, spread } from '../charts/points.ts';
import { capital } from '../format.ts';
import { type Html, html } from '../html.ts';
import type { RunData } from '../run-data.ts';
import type { ArmResults, StudyResults } from '../study-results.ts';

/** The runs of each arm, in the order of `StudyResults.arms` and their `runs`. */
export type ArmRuns = readonly (readonly RunData[])[];

/** Points of a noisy curve in a band. */
const noisyPoints = 120;

function bandsOf({ arms }: StudyResults, runs: ArmRuns, curve: (run: RunData) => readonly Point[]): Band[] {
  return arms.map(({ name }, arm) => ({ name, arm, points: bandOf((runs[arm] ?? []).map(curve)) }));
}

/** Smoothed first, so that the band shows how seeds differ and not how batches do. */
function noisy(metrics: RunData['metrics'], key: string): readonly Point[] {
  return spread(smooth(pointsOf(metrics, key)), noisyPoints);
}

const bandNote = 'lines are means over seeds, bands reach from the lowest seed to the highest';

/** Held-out loss by step; where arms differ in cost, by FLOPs and by seconds as well. */
export function lossFigures(results: StudyResults, runs: ArmRuns): (Html | null)[] {
  const chart = { yLabel: 'nats per token' };
  const loss = ({ metrics }: RunData) => pointsOf(metrics, 'eval/loss');
  const byStep = bandFigure({
    ...chart,
    id: 'loss',
    title: 'Held-out loss',
    advice: `Lower is better; arms whose bands overlap at the end are not told apart: ${bandNote}.`,
    xLabel: 'step',
    bands: bandsOf(results, runs, loss),
  });
  return costsDiffer(results.arms) ? [byStep, lossByFlops(results, runs), lossBySeconds(results, runs)] : [byStep];
}

/** A curve that the procedure of the study returned, seeds side by side. */
export function curveFigure(
  { arms }: StudyResults,
  { curve, ...chart }: NonNullable<StudyResults['curves']>[number],
  id: string,
): Html | null {
  const bands = arms.map(({ name, runs }, arm) => {
    const curves = runs.map(({ curves = {} }) => (curves[curve] ?? []).map(([x, y]) => ({ x, y })));
    return { name, arm, points: bandOf(curves) };
  });
  return bandFigure({ ...chart, advice: `${chart.advice} ${capital(bandNote)}.`, id, bands });
}

function costsDiffer(arms: readonly ArmResults[]): boolean {
  const costs = arms.map(({ flopsPerToken }) => flopsPerToken);
  return Math.max(...costs) > 1.01 * Math.min(...costs);
}

function lossByFlops(results: StudyResults, runs: ArmRuns): Html | null {
  const bands = results.arms.map(({ name, flopsPerToken }, arm) => {
    const curves = (runs[arm] ?? []).map(({ metrics }) =>
      metrics.flatMap((line) => evalPoint(line, (line.tokens * flopsPerToken) / 1e12)),
    );
    return { name, arm, points: bandOf(curves) };
  });
  return bandFigure({
    id: 'loss-flops',
    title: 'Held-out loss by training FLOPs',
    advice: 'Whoever is lower at the same place has made more of the same arithmetic.',
    xLabel: 'teraFLOPs',
    yLabel: 'nats per token',
    bands,
  });
}

/** Seeds need different seconds for the same step, so the curve of an arm is that of its mean seconds. */
function lossBySeconds(results: StudyResults, runs: ArmRuns): Html | null {
  const bands = results.arms.map(({ name }, arm) => {
    const lines = (runs[arm] ?? []).map(({ metrics }) =>
      metrics.filter((line) => typeof line['eval/loss'] === 'number'),
    );
    const points = (lines[0] ?? []).map((line, i) => {
      const same = lines.flatMap((seed) => seed[i] ?? []);
      const seconds = same.reduce((sum, found) => sum + found.seconds, 0) / Math.max(1, same.length);
      return same.flatMap((found) => evalPoint({ ...found, step: line.step }, seconds));
    });
    return { name, arm, points: bandOf(points) };
  });
  return bandFigure({
    id: 'loss-seconds',
    title: 'Held-out loss by wall clock',
    advice: 'Whoever is lower at the same place learns more in the same time, on this machine and this engine.',
    xLabel: 'seconds',
    yLabel: 'nats per token',
    bands,
  });
}

function evalPoint(line: RunData['metrics'][number], x: number): Point[] {
  const y = line['eval/loss'];
  return typeof y === 'number' ? [{ x, y }] : [];
}

export function balanceFigures(results: StudyResults, runs: ArmRuns): (Html | null)[] {
  return [
    bandFigure({
      id: 'max-vio',
      title: 'MaxVio per batch',
      advice: `How far the busiest expert is above its fair share; 0 is perfect balance: ${bandNote}.`,
      xLabel: 'step',
      yLabel: 'MaxVio',
      zero: true,
      bands: bandsOf(results, runs, ({ metrics }) => noisy(metrics, 'balance/max_vio_batch')),
    }),
    bandFigure({
      id: 'dead-experts',
      title: 'Experts without a token, per batch',
      advice: 'All layers together; a line that stays above 0 is an arm that wastes parameters.',
      xLabel: 'step',
      yLabel: 'experts',
      zero: true,
      bands: bandsOf(results, runs, ({ metrics }) => noisy(metrics, 'balance/dead_experts')),
    }),
  ];
}

/** Figures of the first seed of each arm, folded away arm by arm. */
export function armDetails({ arms }: StudyResults, runs: ArmRuns): Html {
  const details = arms.flatMap(({ name, label }, index) => {
    const run = runs[index]?.[0];
    if (run === undefined) return [];
    const owner = { index, name };
    const figures = [domainLoadFigure(owner, run), loadMapFigure(owner, run), biasFigure(owner, run)];
    const present = figures.filter((figure) => figure !== null);
    if (present.length === 0) return [];
    return [
      html`<details${index < 2 ? ' open' : ''}><summary>${label}</summary><div class="grid">${present}</div></details>`,
    ];
  });
  return html`${details}`;
}
