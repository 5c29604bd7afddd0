// The frame around every chart: title, what to look for, legend, drawing, link to the data.

import { type Content, type Html, html } from '../html.ts';

export interface Figure {
  /** Unique in the page; also the name of the CSV file. */
  readonly id: string;
  readonly title: string;
  /** One sentence: what to look for. */
  readonly advice: string;
  readonly legend: Html | null;
  readonly body: Content;
  /** What a reader must know of this drawing, e.g. what its arrows mean; null: nothing. */
  readonly note?: string | null;
  readonly download: Html;
  /** Takes the whole width of the page. */
  readonly wide?: boolean;
}

/** The run that a figure of one run alone belongs to; its name is null when the report is about that run only. */
export interface Owner {
  readonly index: number;
  readonly name: string | null;
}

export function ownedTitle(title: string, { name }: Owner): string {
  return name === null ? title : `${title}: ${name}`;
}

export function renderFigure({ id, title, advice, legend, body, note = null, download, wide = false }: Figure): Html {
  return html`<figure class="card${wide ? ' wide' : ''}" data-chart="${id}" aria-labelledby="${id}-title">
<h3 id="${id}-title">${title}</h3>
<p class="advice">${advice}</p>
${legend}
${body}
<figcaption>${note === null ? null : html`<p>${note}</p>`}${download}</figcaption>
</figure>
`;
}

/** How a curve is drawn; `dash` is an index, 0 for a solid line. */
export interface Stroke {
  readonly mark: 'line' | 'faint' | 'dots' | 'rule';
  readonly color: string;
  readonly dash: number;
}

export interface LegendItem extends Stroke {
  readonly label: string;
}

/** Stroke patterns by `dash`. */
const dashes = ['', '6 3', '2 3', '8 3 2 3'] as const;

/** Those of a horizontal rule, which is never solid. */
const ruleDashes = ['4 3', '1 3', '10 3'] as const;

export function dashArray(dash: number, mark: Stroke['mark'] = 'line'): string {
  const patterns = mark === 'rule' ? ruleDashes : dashes;
  return patterns[dash % patterns.length] ?? '';
}

export function renderLegend(items: readonly LegendItem[]): Html | null {
  if (items.length === 0) return null;
  return html`<ul class="legend">${items.map((item) => html`<li>${swatch(item)}${item.label}</li>`)}</ul>`;
}

function swatch({ mark, color, dash }: Stroke): Html {
  const drawing =
    mark === 'dots'
      ? html`<circle cx="11" cy="5" r="4" fill="${color}"/>`
      : html`<path d="M0,5H22" stroke="${color}" stroke-width="${mark === 'rule' ? 1.5 : 3}" stroke-opacity="${mark === 'faint' ? 0.35 : 1}" stroke-dasharray="${dashArray(dash, mark)}"/>`;
  return html`<svg width="22" height="10" viewBox="0 0 22 10" aria-hidden="true">${drawing}</svg>`;
}
