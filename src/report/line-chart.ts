// Curves over steps, of one run or of several on top of each other.
//
// With one run, colour tells kinds of curve apart (every step, smoothed, held-out); with several it tells runs apart and
// the kind shows in the mark alone.

import { columnsToRows, csvLink } from './csv.ts';
import { dashArray, type LegendItem, renderFigure, renderLegend, type Stroke } from './figure.ts';
import { formatShort, formatTick } from './format.ts';
import type { Html } from './html.ts';
import { Plot } from './plot.ts';
import { renderSvg } from './plot-svg.ts';
import { type Point, smooth, thin } from './points.ts';

/** Colours in the palette of the style sheet. */
const NUM_COLORS = 8;

export interface Curve {
  /** Index of the run. */
  readonly run: number;
  /** What the legend calls it. */
  readonly kind: string;
  readonly mark: 'line' | 'faint' | 'dots';
  /** Index of the colour when there is one run only. */
  readonly hue: number;
  /** Index of the dash pattern. */
  readonly dash: number;
  /** Left out of the CSV, since it follows from another curve. */
  readonly derived: boolean;
  readonly points: readonly Point[];
}

/** A horizontal line to compare with. */
export interface Rule {
  readonly label: string;
  readonly y: number;
}

export interface LineChart {
  readonly id: string;
  readonly title: string;
  readonly advice: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
  readonly rules?: readonly Rule[];
  /** Start the vertical axis at zero. */
  readonly zero?: boolean;
  /** Logarithmic vertical axis, if the values are positive and span a factor of ten. */
  readonly log?: boolean;
}

/** A curve with every step faint and its moving average on top. */
export function noisyCurves(run: number, points: readonly Point[], name = '', hue = 0, dash = 0): Curve[] {
  const base = { run, hue, dash };
  return [
    { ...base, kind: `${name}every step`, mark: 'faint', derived: false, points },
    { ...base, kind: `${name}smoothed`, mark: 'line', derived: true, points: smooth(points) },
  ];
}

export function plainCurve(run: number, kind: string, points: readonly Point[], hue = 0): Curve {
  return { run, kind, mark: 'line', hue, dash: 0, derived: false, points };
}

/** Points of evaluations: dots, joined by a thin line. */
export function dottedCurve(run: number, kind: string, points: readonly Point[], hue: number, dash = 0): Curve {
  return { run, kind, mark: 'dots', hue, dash, derived: false, points };
}

/** The chart in its frame, or null when no curve has a point. */
export function lineFigure(chart: LineChart, runNames: readonly string[]): Html | null {
  const curves = chart.curves
    .filter(({ points }) => points.length > 0)
    .map((curve) => ({ ...curve, points: thin(curve.points) }));
  if (curves.length === 0) return null;
  const drawn = { ...chart, curves };
  const columns = curves
    .filter(({ derived }) => !derived)
    .map((curve) => ({ label: columnLabel(curve, runNames), points: curve.points }));
  return renderFigure({
    ...chart,
    legend: renderLegend(legendItems(drawn, runNames)),
    body: drawSvg(drawn, runNames.length),
    download: csvLink(chart.id, columnsToRows(columns)),
  });
}

function drawSvg(chart: LineChart, numRuns: number): Html {
  const { curves, rules = [] } = chart;
  const values = [...curves.flatMap(({ points }) => points.map(({ y }) => y)), ...rules.map(({ y }) => y)];
  const log = chart.log === true && spansDecade(values);
  const ticks = log ? logTicks(values) : 5;
  const last = lastStep(curves);
  return renderSvg(chart.title, {
    width: 460,
    height: 260,
    marginLeft: 54,
    marginRight: 14,
    marginTop: 30,
    marginBottom: 38,
    x: { label: 'step', domain: [0, last], tickFormat: formatTick, ticks: Math.min(5, last) },
    y: {
      label: log ? `${chart.yLabel}, log scale` : chart.yLabel,
      domain: paddedRange(chart.zero === true ? [...values, 0] : values),
      type: log ? 'log' : 'linear',
      nice: !log,
      tickFormat: formatTick,
      ticks,
    },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1, ticks }),
      ...rules.map(({ y }) => Plot.ruleY([y], { stroke: 'var(--text)', strokeDasharray: '4 3', strokeWidth: 1.5 })),
      ...inDrawingOrder(curves).map((curve) => drawCurve(curve, strokeOf(curve, numRuns))),
    ],
  });
}

/** Faint curves below, dots on top, whatever run they belong to. */
function inDrawingOrder(curves: readonly Curve[]): Curve[] {
  return (['faint', 'line', 'dots'] as const).flatMap((mark) => curves.filter((curve) => curve.mark === mark));
}

function spansDecade(values: readonly number[]): boolean {
  const { low, high } = extent(values);
  return low > 0 && high >= 10 * low;
}

/** 1, 2 and 5 of each power of ten, on a long axis the powers alone. */
function logTicks(values: readonly number[]): number[] {
  const { low, high } = extent(values);
  const first = Math.floor(Math.log10(low));
  const decades = Math.ceil(Math.log10(high)) - first + 1;
  const leading = high < 100 * low ? [1, 2, 5] : [1];
  const ticks = Array.from({ length: decades }, (_, i) => leading.map((digit) => digit * 10 ** (first + i))).flat();
  return ticks.filter((tick) => tick >= low && tick <= high);
}

/** A line of one point would not show, so it becomes a dot. */
function drawCurve({ mark, points }: Curve, { color, dash }: Stroke): Plot.Markish {
  const channels = { x: 'x', y: 'y' };
  const line = Plot.line(points, {
    ...channels,
    stroke: color,
    strokeWidth: mark === 'line' ? 2 : 1.2,
    strokeOpacity: mark === 'faint' ? 0.35 : 1,
    strokeDasharray: dashArray(dash),
    curve: 'linear',
  });
  if (mark !== 'dots' && points.length > 1) return line;
  const title = (point: Point) => `step ${point.x}: ${formatShort(point.y)}`;
  const dots = Plot.dot(points, { ...channels, r: 3.5, fill: color, stroke: 'var(--card)', title });
  return Plot.marks(line, dots);
}

function strokeOf({ run, hue, mark, dash }: Curve, numRuns: number): Stroke {
  const color = numRuns > 1 ? run : hue;
  return { mark, color: `var(--series-${color % NUM_COLORS})`, dash: dash + Math.floor(color / NUM_COLORS) };
}

function legendItems({ curves, rules = [] }: LineChart, runNames: readonly string[]): LegendItem[] {
  const several = runNames.length > 1;
  const kinds = curves.filter((curve, i) => curves.findIndex(({ kind }) => kind === curve.kind) === i);
  const kindItems = kinds.map((curve) => ({
    ...strokeOf(curve, runNames.length),
    ...(several ? { color: 'var(--text)', dash: curve.dash } : {}),
    label: curve.kind,
  }));
  const runs = several ? [...new Set(curves.map(({ run }) => run))] : [];
  const runItems = runs.map((run) => ({
    ...strokeOf({ ...curves[0]!, run, mark: 'line', dash: 0 }, runNames.length),
    label: runNames[run] ?? '',
  }));
  const ruleItems = rules.map(({ label }) => ({ mark: 'rule' as const, color: 'var(--text)', dash: 0, label }));
  const showKinds = kindItems.length > 1 || (ruleItems.length > 0 && !several);
  return [...runItems, ...(showKinds ? kindItems : []), ...ruleItems];
}

function columnLabel({ run, kind }: Curve, runNames: readonly string[]): string {
  return runNames.length > 1 ? `${runNames[run]}: ${kind}` : kind;
}

function lastStep(curves: readonly Curve[]): number {
  return Math.max(1, ...curves.map(({ points }) => points.at(-1)?.x ?? 0));
}

/** A range of some height even when all values are the same. */
function paddedRange(values: readonly number[]): [number, number] {
  const { low, high } = extent(values);
  if (low < high) return [low, high];
  const room = Math.abs(low) / 2 || 1;
  return low >= 0 ? [Math.max(0, low - room), low + room] : [low - room, low + room];
}

function extent(values: readonly number[]): { low: number; high: number } {
  return values.reduce(({ low, high }, value) => ({ low: Math.min(low, value), high: Math.max(high, value) }), {
    low: Number.POSITIVE_INFINITY,
    high: Number.NEGATIVE_INFINITY,
  });
}
