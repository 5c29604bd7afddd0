// The picture of a timeline: a row for each rank, a box for each operation.

import { formatShort, formatTick } from '../format.ts';
import { type Html, html } from '../html.ts';
import { Plot } from '../plot.ts';
import { csvLink } from '../charts/csv.ts';
import { renderFigure } from '../charts/figure.ts';
import { renderSvg } from '../charts/plot-svg.ts';
import type { Lane, SpanKind, TimelineData } from './timeline-data.ts';

const width = 940;
const margin = { left: 72, right: 14 };

const kinds: readonly (readonly [kind: SpanKind, color: string, label: string])[] = [
  ['forward', 'var(--series-0)', 'forward'],
  ['backward', 'var(--series-1)', 'backward'],
  ['backwardInput', 'var(--series-5)', 'backward, for inputs'],
  ['backwardWeight', 'var(--series-2)', 'backward, for weights'],
  ['overlapped', 'var(--series-3)', 'forward and backward side by side'],
];

const colorOf = (kind: SpanKind) => kinds.find(([name]) => name === kind)?.[1] ?? 'var(--muted)';

export function timelineFigure({ lanes, unit, makespan }: TimelineData): Html {
  const spans = lanes.flatMap(({ name, spans }) =>
    spans.map((span) => ({ ...span, lane: name, fill: colorOf(span.kind) })),
  );
  const cell = (width - margin.left - margin.right) / makespan;
  const labelled = spans.filter(({ start, end, text }) => (end - start) * cell >= 5.5 * text.length + 1);
  const present = kinds.filter(([kind]) => spans.some((span) => span.kind === kind));
  const svg = renderSvg('Timeline of the ranks', {
    width,
    height: 44 + lanes.length * rowHeight(lanes),
    marginLeft: margin.left,
    marginRight: margin.right,
    marginTop: 6,
    marginBottom: 38,
    padding: 0.12,
    x: { label: `time (${unit})`, domain: [0, makespan], tickFormat: formatTick },
    y: { label: null, type: 'band', domain: lanes.map(({ name }) => name), tickSize: 0 },
    marks: [
      Plot.barX(spans, {
        x1: 'start',
        x2: 'end',
        y: 'lane',
        fill: 'fill',
        fillOpacity: 0.75,
        stroke: 'var(--card)',
        strokeWidth: 0.5,
        title: 'title',
      }),
      Plot.text(labelled, {
        x: ({ start, end }) => (start + end) / 2,
        y: 'lane',
        text: 'text',
        fontSize: 9,
        fill: 'var(--text)',
      }),
    ],
  });
  return renderFigure({
    id: 'timeline',
    title: 'What each rank does, and when',
    advice: 'Gaps are bubbles: the rank waits for what another one makes. The numbers are micro-batches.',
    legend: html`<ul class="legend">${present.map(([, color, label]) => html`<li><svg width="22" height="10" viewBox="0 0 22 10" aria-hidden="true"><rect width="22" height="10" fill="${color}" fill-opacity="0.75"/></svg>${label}</li>`)}</ul>`,
    body: html`<div class="scroll">${svg}</div>`,
    download: csvLink('timeline', [
      ['rank', 'kind', 'text', 'start', 'end'],
      ...spans.map(({ lane, kind, text, start, end }) => [lane, kind, text, start, end]),
    ]),
    wide: true,
  });
}

const rowHeight = (lanes: readonly Lane[]) => (lanes.length > 16 ? 16 : 26);

export function memoryFigure({ lanes, unit, heldUnit, makespan }: TimelineData): Html {
  const steps = lanes.flatMap(({ name, held }) => [
    { lane: name, time: 0, value: 0 },
    ...held.map((one) => ({ lane: name, ...one })),
    { lane: name, time: makespan, value: held.at(-1)?.value ?? 0 },
  ]);
  const peak = Math.max(...steps.map(({ value }) => value));
  const svg = renderSvg('Activations that each rank holds', {
    width,
    height: 44 + lanes.length * rowHeight(lanes),
    marginLeft: margin.left,
    marginRight: margin.right,
    marginTop: 6,
    marginBottom: 38,
    x: { label: `time (${unit})`, domain: [0, makespan], tickFormat: formatTick },
    y: { axis: null, domain: [0, peak] },
    fy: { label: null, domain: lanes.map(({ name }) => name), axis: 'left', padding: 0.12 },
    marks: [
      Plot.areaY(steps, {
        x: 'time',
        y1: () => 0, // as it is, where marks with `y` alone are stacked
        y2: 'value',
        fy: 'lane',
        curve: 'step-after',
        fill: 'var(--series-0)',
        fillOpacity: 0.5,
      }),
      Plot.ruleY([0], { stroke: 'var(--grid)' }),
    ],
  });
  return renderFigure({
    id: 'memory',
    title: `Activations held, ${heldUnit}`,
    advice: `The full height of a row is ${formatShort(peak)} ${heldUnit}: what must fit in memory is the highest point.`,
    legend: null,
    body: html`<div class="scroll">${svg}</div>`,
    download: csvLink('memory', [
      ['rank', 'time', heldUnit],
      ...steps.map(({ lane, time, value }) => [lane, time, value]),
    ]),
    wide: true,
  });
}
