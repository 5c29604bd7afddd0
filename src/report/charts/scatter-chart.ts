// Two metrics against each other, one dot a run, one colour an arm.

import { formatShort, formatTick } from '../format.ts';
import type { Html } from '../html.ts';
import { Plot } from '../plot.ts';
import type { StudyResults } from '../study-results.ts';
import { armStroke } from './band-chart.ts';
import { csvLink } from './csv.ts';
import { renderFigure, renderLegend } from './figure.ts';
import { renderSvg } from './plot-svg.ts';

interface Dot {
  readonly arm: number;
  readonly name: string;
  readonly seed: number;
  readonly x: number;
  readonly y: number;
}

/** Shapes tell apart the arms that share a colour. */
const symbols = ['circle', 'triangle', 'square', 'diamond'] as const;

/** The figure, or null when fewer than two runs have both metrics. */
export function scatterFigure(results: StudyResults, index: number): Html | null {
  const scatter = results.scatters[index];
  const dots = scatter === undefined ? [] : dotsOf(results, scatter.x, scatter.y);
  if (scatter === undefined || dots.length < 2) return null;
  const id = `scatter-${index}`;
  const [xLabel, yLabel] = [labelOf(results, scatter.x), labelOf(results, scatter.y)];
  return renderFigure({
    id,
    title: scatter.title,
    advice: scatter.advice,
    legend: renderLegend(
      results.arms.map(({ name }, arm) => ({ ...armStroke(arm), mark: 'dots', label: symbolNote(name, arm) })),
    ),
    body: drawSvg(scatter.title, xLabel, yLabel, dots),
    download: csvLink(id, [
      ['arm', 'seed', scatter.x, scatter.y],
      ...dots.map(({ name, seed, x, y }) => [name, seed, x, y]),
    ]),
  });
}

function symbolOf(arm: number): (typeof symbols)[number] {
  return symbols[Math.floor(arm / 8) % symbols.length] ?? 'circle';
}

function symbolNote(name: string, arm: number): string {
  return arm < 8 ? name : `${name} (${symbolOf(arm)})`;
}

function labelOf({ metrics }: StudyResults, key: string): string {
  return metrics.find((metric) => metric.key === key)?.label ?? key;
}

function dotsOf({ arms }: StudyResults, xKey: string, yKey: string): Dot[] {
  return arms.flatMap(({ name, runs }, arm) =>
    runs.flatMap(({ seed, measured }) => {
      const [x, y] = [measured[xKey], measured[yKey]];
      return x === undefined || y === undefined ? [] : [{ arm, name, seed, x, y }];
    }),
  );
}

function drawSvg(title: string, xLabel: string, yLabel: string, dots: readonly Dot[]): Html {
  return renderSvg(title, {
    width: 460,
    height: 300,
    marginLeft: 54,
    marginRight: 20,
    marginTop: 30,
    marginBottom: 38,
    x: { label: xLabel, nice: true, ticks: 5, tickFormat: formatTick },
    y: { label: yLabel, nice: true, ticks: 5, tickFormat: formatTick },
    symbol: { type: 'identity' },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 5 }),
      Plot.gridX({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 5 }),
      Plot.dot(dots, {
        x: 'x',
        y: 'y',
        r: 5,
        fill: ({ arm }: Dot) => armStroke(arm).color,
        symbol: ({ arm }: Dot) => symbolOf(arm),
        stroke: 'var(--card)',
        title: ({ name, seed, x, y }: Dot) => `${name}, seed ${seed}: ${formatShort(x)}, ${formatShort(y)}`,
      }),
    ],
  });
}
