// A metric of every arm: the mean with its 95 % interval, and a small dot for each seed.

import { armStroke } from './band-chart.ts';
import { csvLink } from './csv.ts';
import { renderFigure } from './figure.ts';
import { formatShort, formatTick } from './format.ts';
import type { Html } from './html.ts';
import { Plot } from './plot.ts';
import { renderSvg } from './plot-svg.ts';
import type { MetricColumn, StudyResults } from './study-results.ts';

interface Row {
  readonly name: string;
  readonly color: string;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly seeds: readonly number[];
}

/** The figure of the metric at `index`, or null when no arm has it. */
export function intervalFigure(results: StudyResults, index: number): Html | null {
  const metric = results.metrics[index];
  if (metric === undefined) return null;
  const rows = rowsOf(results, metric, index);
  if (rows.length === 0) return null;
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
    download: csvLink(id, [['arm', 'mean', 'low', 'high', 'run', 'value'], ...data]),
  });
}

function adviceFor({ better }: MetricColumn): string {
  const direction = better === null ? '' : `${capital(better)} is better. `;
  return `${direction}Two arms whose bars overlap a lot cannot be told apart by this picture; the paired differences in the table are sharper.`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function rowsOf({ arms }: StudyResults, { key }: MetricColumn, index: number): Row[] {
  return arms.flatMap((arm, i) => {
    const value = arm.cells[index]?.value ?? null;
    if (value === null) return [];
    const seeds = arm.runs.flatMap(({ measured }) => measured[key] ?? []);
    const { mean, low, high } = value;
    return [{ name: arm.name, color: armStroke(i).color, mean, low: low ?? mean, high: high ?? mean, seeds }];
  });
}

/** An interval of two seeds may be thirteen times as wide as the data: bars are cut at three times their range. */
function rangeOf(rows: readonly Row[]): [number, number] {
  const values = rows.flatMap(({ seeds, mean }) => [...seeds, mean]);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const room = most > least ? most - least : Math.abs(most) || 1;
  const low = Math.max(Math.min(...rows.map((row) => row.low), least), least - room);
  const high = Math.min(Math.max(...rows.map((row) => row.high), most), most + room);
  return low < high ? [low, high] : [low - room / 2, high + room / 2];
}

function drawSvg(metric: MetricColumn, rows: readonly Row[]): Html {
  const domain = rangeOf(rows);
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
    x: { label: metric.unit ?? metric.label, domain, nice: true, ticks: 4, tickFormat: formatTick, clamp: true },
    y: { label: null, type: 'band', domain: rows.map(({ name }) => name), tickSize: 0 },
    marks: [
      Plot.gridX({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 4 }),
      Plot.link(rows, {
        x1: 'low',
        x2: 'high',
        y1: 'name',
        y2: 'name',
        stroke: 'color',
        strokeWidth: 3,
        strokeOpacity: 0.45,
      }),
      Plot.dot(dots, { x: 'value', y: 'name', r: 2, fill: 'var(--muted)' }),
      Plot.dot(rows, { x: 'mean', y: 'name', r: 4.5, fill: 'color', stroke: 'var(--card)', title: meanTitle }),
    ],
  });
}

function meanTitle({ name, mean }: Row): string {
  return `${name}: ${formatShort(mean)}`;
}
