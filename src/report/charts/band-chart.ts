// Curves with a band: the mean of an arm over its seeds, and everything between its lowest and its highest seed.

import { formatTick } from '../format.ts';
import type { Html } from '../html.ts';
import { Plot } from '../plot.ts';
import { csvLink } from './csv.ts';
import { dashArray, renderFigure, renderLegend, type Stroke } from './figure.ts';
import { renderSvg } from './plot-svg.ts';
import { paddedRange } from './points.ts';

/** Colours in the palette of the style sheet. */
const numColors = 8;

export interface BandPoint {
  readonly x: number;
  readonly low: number;
  readonly mean: number;
  readonly high: number;
}

export interface Band {
  readonly name: string;
  /** Index of the arm, which decides its stroke in every chart. */
  readonly arm: number;
  readonly points: readonly BandPoint[];
}

export interface BandChart {
  readonly id: string;
  readonly title: string;
  readonly advice: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly bands: readonly Band[];
  /** Start the vertical axis at zero. */
  readonly zero?: boolean;
  /** A dot at every point: for few points that were measured one by one. */
  readonly dots?: boolean;
}

/** How an arm is drawn wherever it occurs: colours repeat after eight, then with another dash. */
export function armStroke(arm: number): Stroke {
  return { mark: 'line', color: `var(--series-${arm % numColors})`, dash: Math.floor(arm / numColors) };
}

/** Mean and range, at each place, of the curves of several seeds. */
export function bandOf(curves: readonly (readonly { readonly x: number; readonly y: number }[])[]): BandPoint[] {
  const byX = new Map<number, number[]>();
  for (const { x, y } of curves.flat()) byX.set(x, [...(byX.get(x) ?? []), y]);
  return [...byX]
    .sort(([a], [b]) => a - b)
    .map(([x, ys]) => ({
      x,
      low: Math.min(...ys),
      high: Math.max(...ys),
      mean: ys.reduce((a, b) => a + b, 0) / ys.length,
    }));
}

/** The chart in its frame, or null when no arm has two points to join. */
export function bandFigure(chart: BandChart): Html | null {
  const bands = chart.bands.filter(({ points }) => points.length > 0);
  if (bands.every(({ points }) => points.length < 2)) return null;
  const rows = bands.flatMap(({ name, points }) => points.map(({ x, low, mean, high }) => [name, x, mean, low, high]));
  return renderFigure({
    ...chart,
    legend: renderLegend(bands.map(({ name, arm }) => ({ ...armStroke(arm), label: name }))),
    body: drawSvg({ ...chart, bands }),
    download: csvLink(chart.id, [['arm', chart.xLabel, 'mean', 'lowest seed', 'highest seed'], ...rows]),
  });
}

function drawSvg({ title, xLabel, yLabel, bands, zero = false, dots = false }: BandChart): Html {
  const all = bands.flatMap(({ points }) => points);
  const xs = all.map(({ x }) => x);
  return renderSvg(title, {
    width: 460,
    height: 280,
    marginLeft: 54,
    marginRight: 14,
    marginTop: 30,
    marginBottom: 38,
    x: { label: xLabel, domain: [dots ? Math.min(...xs) : 0, Math.max(1e-9, ...xs)], tickFormat: formatTick, ticks: 5 },
    y: {
      label: yLabel,
      domain: paddedRange([...all.flatMap(({ low, high }) => [low, high]), ...(zero ? [0] : [])]),
      nice: true,
      tickFormat: formatTick,
      ticks: 5,
    },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 5 }),
      ...bands.map(({ points, arm }) =>
        Plot.areaY(points, { x: 'x', y1: 'low', y2: 'high', fill: armStroke(arm).color, fillOpacity: 0.15 }),
      ),
      ...bands.map((band) => drawMean(band, dots)),
    ],
  });
}

/** A line of one point would not show, so it becomes a dot. */
function drawMean({ points, arm }: Band, dots: boolean): Plot.Markish {
  const { color, dash } = armStroke(arm);
  const line = Plot.line(points, {
    x: 'x',
    y: 'mean',
    stroke: color,
    strokeWidth: 2,
    strokeDasharray: dashArray(dash),
  });
  if (!dots && points.length > 1) return line;
  return Plot.marks(line, Plot.dot(points, { x: 'x', y: 'mean', r: 3, fill: color, stroke: 'var(--card)' }));
}
