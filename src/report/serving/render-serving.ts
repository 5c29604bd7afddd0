// The HTML report of a serving plan: loads by interval, and the loads of the GPUs as bars.

import { csvLink } from '../charts/csv.ts';
import { renderFigure, renderLegend } from '../charts/figure.ts';
import { renderSvg } from '../charts/plot-svg.ts';
import { formatTick } from '../format.ts';
import { type Html, html } from '../html.ts';
import { grid, renderPage } from '../page.ts';
import { Plot } from '../plot.ts';

/** What the report of a serving plan shows. Plain data; loads are multiples of the mean over GPUs. */
export interface ServingData {
  readonly title: string;
  readonly notes: readonly string[];
  /** In the order of time, with the loads of the busiest GPU. */
  readonly intervals: readonly {
    readonly interval: number;
    readonly domain: string;
    readonly before: number;
    readonly kept: number;
    readonly rebalanced: number;
    readonly ideal: number;
    /** Null where redundancy is not dynamic. */
    readonly dynamic: number | null;
  }[];
  /** [layers][gpus], of the last interval. */
  readonly gpuLoads: {
    readonly before: readonly (readonly number[])[];
    readonly after: readonly (readonly number[])[];
  };
  readonly facts: readonly (readonly [label: string, value: string])[];
}

const series = [
  ['before', 'var(--series-1)', 'no redundant experts'],
  ['kept', 'var(--series-6)', 'placed once, by the first interval'],
  ['rebalanced', 'var(--series-0)', 'placed by the interval before'],
  ['ideal', 'var(--series-2)', 'placed by its own loads'],
  ['dynamic', 'var(--series-3)', 'placed by the interval before, shared out anew in each step'],
] as const;

/** Renders one HTML document. */
export function renderServing(data: ServingData): string {
  const { title, notes, facts } = data;
  const rows = facts.map(([label, value]) => html`<tr><th scope="row">${label}</th><td>${value}</td></tr>`);
  return renderPage({
    title: `${title}: TinySeek`,
    header: html`<header><h1>${title}</h1>${notes.map((note) => html`<p>${note}</p>`)}</header>`,
    sections: [
      {
        id: 'numbers',
        title: 'In numbers',
        content: html`<div class="card"><table><tbody>${rows}</tbody></table></div>`,
      },
      { id: 'intervals', title: 'As the text changes', content: grid([intervalFigure(data)]) },
      { id: 'gpus', title: 'GPUs in the last interval', content: grid(loadFigures(data)) },
    ],
    footer: 'Planned from recorded routing, not measured on GPUs.',
  });
}

function intervalFigure({ intervals }: ServingData): Html {
  const present = series.filter(([key]) => intervals.every((row) => row[key] !== null));
  const points = intervals.flatMap((row) =>
    present.map(([key, color]) => ({
      interval: row.interval,
      value: row[key]!,
      key,
      color,
      title: `${row.domain}: ${key} ${row[key]!.toFixed(3)}`,
    })),
  );
  const starts = intervals.filter((row, index) => row.domain !== intervals[index - 1]?.domain);
  const highest = Math.max(...points.map(({ value }) => value));
  const svg = renderSvg('Load of the busiest GPU by interval', {
    width: 940,
    height: 300,
    marginLeft: 50,
    marginTop: 24,
    marginBottom: 38,
    x: { label: 'interval', domain: [0, Math.max(1, intervals.length - 1)], ticks: Math.min(12, intervals.length) },
    y: { label: null, domain: [Math.min(1, ...points.map(({ value }) => value)), highest], tickFormat: formatTick },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1 }),
      Plot.ruleX(starts, { x: 'interval', stroke: 'var(--grid)', strokeDasharray: '3 3' }),
      Plot.text(starts, {
        x: 'interval',
        y: highest,
        text: 'domain',
        textAnchor: 'start',
        dx: 4,
        dy: -10,
        fill: 'var(--muted)',
      }),
      ...present.map(([key, color]) =>
        Plot.lineY(
          points.filter((point) => point.key === key),
          { x: 'interval', y: 'value', stroke: color, strokeWidth: 2 },
        ),
      ),
      Plot.dot(points, { x: 'interval', y: 'value', fill: 'color', r: 3, title: 'title' }),
    ],
  });
  return renderFigure({
    id: 'intervals-chart',
    title: 'Load of the busiest GPU, as a multiple of the mean',
    advice:
      'All wait for the busiest GPU, so 1 is perfect. Where the text changes, a placement by the interval before is of the wrong text once.',
    legend: renderLegend(present.map(([, color, label]) => ({ mark: 'line', color, dash: 0, label }))),
    body: html`<div class="scroll">${svg}</div>`,
    download: csvLink('intervals', [
      ['interval', 'domain', ...present.map(([key]) => key)],
      ...intervals.map((row) => [row.interval, row.domain, ...present.map(([key]) => row[key]!)]),
    ]),
    wide: true,
  });
}

/** One figure a layer, the first eight: bars before, and dots after. */
function loadFigures({ gpuLoads: { before, after } }: ServingData): Html[] {
  return before.slice(0, 8).map((loads, layer) => {
    const bars = loads.map((load, gpu) => ({ gpu, before: load, after: after[layer]![gpu]! }));
    const id = `gpu-loads-${layer}`;
    const svg = renderSvg(`Loads of the GPUs, layer ${layer}`, {
      width: 460,
      height: 220,
      marginLeft: 44,
      marginBottom: 38,
      x: {
        label: 'GPU',
        type: 'band',
        ticks: bars.map(({ gpu }) => gpu).filter((gpu) => gpu % Math.ceil(bars.length / 16) === 0),
      },
      y: { label: null, tickFormat: formatTick },
      marks: [
        Plot.barY(bars, { x: 'gpu', y: 'before', fill: 'var(--series-1)', fillOpacity: 0.45 }),
        Plot.dot(bars, { x: 'gpu', y: 'after', fill: 'var(--series-0)', r: bars.length > 64 ? 1.5 : 3.5 }),
        Plot.ruleY([1], { stroke: 'var(--text)' }),
      ],
    });
    return renderFigure({
      id,
      title: `Layer ${layer + 1} with experts`,
      advice: 'The line is the mean: dots should be nearer to it than the ends of the bars.',
      legend: renderLegend([
        { mark: 'line', color: 'var(--series-1)', dash: 0, label: 'no redundant experts' },
        { mark: 'dots', color: 'var(--series-0)', dash: 0, label: 'with them, placed by these loads' },
      ]),
      body: svg,
      download: csvLink(id, [['gpu', 'before', 'after'], ...bars.map((bar) => [bar.gpu, bar.before, bar.after])]),
    });
  });
}
