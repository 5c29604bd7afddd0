// Curves over steps, of one run or of several on top of each other.
//
// With one run, colour tells kinds of curve apart (every step, smoothed, held-out); with several it tells runs apart
// and the kind shows in the mark alone.

import { capital, formatShort, formatTick } from '../format.ts';
import type { Html } from '../html.ts';
import { Plot } from '../plot.ts';
import { columnsToRows, csvLink } from './csv.ts';
import { dashArray, type LegendItem, renderFigure, renderLegend, type Stroke } from './figure.ts';
import { renderSvg } from './plot-svg.ts';
import { extent, type Point, paddedRange, smooth, thin } from './points.ts';

/** Colours in the palette of the style sheet. */
const numColors = 8;

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
  /** Index of the run whose colour it has; null when it is there for all runs. */
  readonly run: number | null;
}

export interface LineChart {
  readonly id: string;
  readonly title: string;
  readonly advice: string;
  readonly yLabel: string;
  readonly curves: readonly Curve[];
  readonly rules?: readonly Rule[];
  readonly note?: string | null;
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

/** The chart in its frame; a sentence in its place when no curve has more than one point, null when none has any. */
export function lineFigure(chart: LineChart, runNames: readonly string[]): Html | null {
  const curves = chart.curves
    .filter(({ points }) => points.length > 0)
    .map((curve) => ({ ...curve, points: thin(curve.points) }));
  if (curves.length === 0) return null;
  const drawn = { ...chart, curves };
  const columns = curves
    .filter(({ derived }) => !derived)
    .map((curve) => ({ label: columnLabel(curve, runNames), points: curve.points }));
  const download = csvLink(chart.id, columnsToRows(columns));
  if (curves.every(({ points }) => points.length === 1)) {
    const { id, title, note = null } = chart;
    return renderFigure({
      id,
      title,
      advice: pointsInWords(drawn, runNames),
      legend: null,
      body: null,
      note,
      download,
    });
  }
  return renderFigure({
    ...chart,
    legend: renderLegend(legendItems(drawn, runNames)),
    body: drawSvg(drawn, runNames.length),
    download,
  });
}

/** E.g. `One evaluation, at step 20. Bits per byte: 3.276. For comparison: Brotli 2.907. A chart needs two points.` */
function pointsInWords({ curves, rules = [], yLabel }: LineChart, runNames: readonly string[]): string {
  const own = curves.filter(({ derived }) => !derived);
  const steps = new Set(own.map(({ points }) => points[0]!.x));
  const kinds = new Set(own.map(({ kind }) => kind));
  const values = own.map(({ run, kind, points: [point] }) => {
    const names = [...(runNames.length > 1 ? [runNames[run]] : []), ...(kinds.size > 1 ? [kind] : [])];
    const place = steps.size > 1 ? ` at step ${point!.x}` : '';
    return `${names.map((name) => `${name} `).join('')}${formatShort(point!.y)}${place}`;
  });
  const what = own.every(({ mark }) => mark === 'dots') ? 'One evaluation' : 'One value';
  const where = steps.size > 1 ? ' each' : `, at step ${[...steps][0]}`;
  const lines = rules.length === 0 ? '' : ` For comparison: ${rules.map(({ label }) => label).join(', ')}.`;
  return `${what}${where}. ${capital(yLabel)}: ${values.join(', ')}.${lines} A chart needs two points.`;
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
      ...rules.map(drawRule),
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

function drawRule(rule: Rule): Plot.Markish {
  const { color, dash } = ruleStroke(rule);
  return Plot.ruleY([rule.y], { stroke: color, strokeDasharray: dashArray(dash, 'rule'), strokeWidth: 1.5 });
}

function strokeOf({ run, hue, mark, dash }: Curve, numRuns: number): Stroke {
  const color = numRuns > 1 ? run : hue;
  return { mark, color: `var(--series-${color % numColors})`, dash: dash + Math.floor(color / numColors) };
}

function ruleStroke({ run }: Rule): Stroke {
  if (run === null) return { mark: 'rule', color: 'var(--text)', dash: 0 };
  return { mark: 'rule', color: `var(--series-${run % numColors})`, dash: Math.floor(run / numColors) };
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
  const ruleItems = rules.map((rule) => ({ ...ruleStroke(rule), label: rule.label }));
  const showKinds = kindItems.length > 1 || (ruleItems.length > 0 && !several);
  return [...runItems, ...(showKinds ? kindItems : []), ...ruleItems];
}

function columnLabel({ run, kind }: Curve, runNames: readonly string[]): string {
  return runNames.length > 1 ? `${runNames[run]}: ${kind}` : kind;
}

function lastStep(curves: readonly Curve[]): number {
  return Math.max(1, ...curves.map(({ points }) => points.at(-1)?.x ?? 0));
}
