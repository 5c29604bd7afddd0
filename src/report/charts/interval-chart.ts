// A metric of every arm: the mean with its 95 % interval, and a small dot for each seed. A bar that the chart has no
// room for ends in an arrow.

import { capital, formatShort, formatTick } from '../format.ts';
import type { Html } from '../html.ts';
import { Plot } from '../plot.ts';
import type { MetricColumn, StudyResults } from '../study-results.ts';
import { armStroke } from './band-chart.ts';
import { csvLink } from './csv.ts';
import { renderFigure } from './figure.ts';
import { renderSvg } from './plot-svg.ts';
import { paddedRange } from './points.ts';

interface Row {
  readonly name: string;
  readonly color: string;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly seeds: readonly number[];
  /** The interval ends where the quantity does. */
  readonly isCut: boolean;
}

/** An end of a bar that lies outside the chart, and where the chart lets it end. */
interface Arrow {
  readonly name: string;
  readonly color: string;
  readonly edge: number;
  /** Degrees from pointing upwards. */
  readonly turn: number;
  readonly title: string;
}

/** The figure of the metric at `index`, or null when fewer than two runs have it. */
export function intervalFigure(results: StudyResults, index: number): Html | null {
  const metric = results.metrics[index];
  if (metric === undefined) return null;
  const rows = rowsOf(results, metric, index);
  if (rows.flatMap(({ seeds }) => seeds).length < 2) return null;
  const id = `metric-${metric.key.replace(/[^\w-]+/g, '-')}`;
  const unit = metric.unit === null ? '' : `, ${metric.unit}`;
  const data = rows.flatMap(({ name, mean, low, high, seeds }) =>
    seeds.map((value, seed) => [name, mean, low, high, seed, value]),
  );
  return renderFigure({
    id,
    title: `${capital(metric.label)}${unit}`,
    advice: adviceFor(metric),
    legend: null,
    body: drawSvg(metric, rows),
    note: noteOf(rows),
    download: csvLink(id, [['arm', 'mean', 'low', 'high', 'run', 'value'], ...data]),
  });
}

function adviceFor({ better }: MetricColumn): string {
  const direction = better === null ? '' : `${capital(better)} is better. `;
  return `${direction}Two arms whose bars overlap a lot cannot be told apart by this picture; the paired differences in the table are sharper.`;
}

/** What cut bars and arrows mean, where there are any. */
function noteOf(rows: readonly Row[]): string | null {
  const notes = [
    ...(arrowsOf(rows).length === 0
      ? []
      : ['An arrow: the interval reaches beyond the chart; the table has its ends.']),
    ...(rows.some(({ isCut }) => isCut)
      ? ['Some bars end early, at the least or the most that the quantity can be.']
      : []),
  ];
  return notes.length === 0 ? null : notes.join(' ');
}

function rowsOf({ arms }: StudyResults, { key }: MetricColumn, index: number): Row[] {
  return arms.flatMap((arm, i) => {
    const value = arm.cells[index]?.value ?? null;
    if (value === null) return [];
    const seeds = arm.runs.flatMap(({ measured }) => measured[key] ?? []);
    const { mean, low, high } = value;
    const { color } = armStroke(i);
    return [{ name: arm.name, color, mean, low: low ?? mean, high: high ?? mean, seeds, isCut: value.isCut ?? false }];
  });
}

/** An interval of two seeds may be thirteen times as wide as the data: bars are cut at three times their range. */
function rangeOf(rows: readonly Row[]): [number, number] {
  const values = rows.flatMap(({ seeds, mean }) => [...seeds, mean]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = most > least ? most - least : Math.abs(most) || 1;
  const low = Math.max(Math.min(...rows.map((row) => row.low), least), least - room);
  const high = Math.min(Math.max(...rows.map((row) => row.high), most), most + room);
  return paddedRange([low, high]);
}

function arrowsOf(rows: readonly Row[]): Arrow[] {
  const [least, most] = rangeOf(rows);
  return rows.flatMap(({ name, color, low, high }) => [
    ...(low < least ? [{ name, color, edge: least, turn: -90, title: `${name}: down to ${formatShort(low)}` }] : []),
    ...(high > most ? [{ name, color, edge: most, turn: 90, title: `${name}: up to ${formatShort(high)}` }] : []),
  ]);
}

function drawSvg(metric: MetricColumn, rows: readonly Row[]): Html {
  const domain = rangeOf(rows);
  const [least, most] = domain;
  const bars = rows.map((row) => ({ ...row, low: Math.max(row.low, least), high: Math.min(row.high, most) }));
  const dots = rows.flatMap(({ name, seeds }) => seeds.map((value) => ({ name, value })));
  const longest = Math.max(...rows.map(({ name }) => name.length));
  return renderSvg(metric.label, {
    width: 460,
    height: 60 + 24 * rows.length,
    // On a phone the text of a chart is larger: 15 px, about 8.2 a letter.
    marginLeft: 14 + Math.ceil(8.2 * longest),
    marginRight: 20,
    marginTop: 8,
    marginBottom: 38,
    x: { label: metric.unit ?? metric.label, domain, nice: true, ticks: 4, tickFormat: formatTick },
    y: { label: null, type: 'band', domain: rows.map(({ name }) => name), tickSize: 0 },
    marks: [
      Plot.gridX({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 4 }),
      Plot.link(bars, {
        x1: 'low',
        x2: 'high',
        y1: 'name',
        y2: 'name',
        stroke: 'color',
        strokeWidth: 3,
        strokeOpacity: 0.45,
      }),
      Plot.dot(arrowsOf(rows), {
        x: 'edge',
        y: 'name',
        r: 5,
        symbol: 'triangle',
        rotate: 'turn',
        fill: 'color',
        title: 'title',
      }),
      Plot.dot(dots, { x: 'value', y: 'name', r: 2, fill: 'var(--muted)' }),
      Plot.dot(rows, { x: 'mean', y: 'name', r: 4.5, fill: 'color', stroke: 'var(--card)', title: meanTitle }),
    ],
  });
}

function meanTitle({ name, mean }: Row): string {
  return `${name}: ${formatShort(mean)}`;
}
