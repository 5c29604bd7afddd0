// The "download data" links: what a chart shows, as CSV inside the page itself.

import { type Html, html } from '../html.ts';
import type { Point } from './points.ts';

type Cell = string | number;

/** One column of values by step. */
export interface Column {
  readonly label: string;
  readonly points: readonly Point[];
}

/** Rows of `step` and one value a column, empty where a column has none at that step. */
export function columnsToRows(columns: readonly Column[]): Cell[][] {
  const lookups = columns.map(({ points }) => new Map(points.map(({ x, y }) => [x, y])));
  const steps = [...new Set(lookups.flatMap((lookup) => [...lookup.keys()]))].sort((a, b) => a - b);
  return [
    ['step', ...columns.map(({ label }) => label)],
    ...steps.map((step) => [step, ...lookups.map((lookup) => lookup.get(step) ?? '')]),
  ];
}

/** A link that saves `rows` as `name`.csv without any network. */
export function csvLink(name: string, rows: readonly (readonly Cell[])[]): Html {
  const csv = rows.map((row) => `${row.map(toField).join(',')}\n`).join('');
  const data = Buffer.from(csv, 'utf8').toString('base64');
  return html`<a class="download" download="${name}.csv" href="data:text/csv;charset=utf-8;base64,${data}" aria-label="Download data of ${name} as CSV">Download data (CSV)</a>`;
}

/**
 * Six digits are about what a float32 holds. A text that a spreadsheet would take for a formula gets a quote in front.
 */
function toField(cell: Cell): string {
  if (typeof cell === 'number') return String(Number.isInteger(cell) ? cell : Number(cell.toPrecision(6)));
  const text = /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : cell;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
