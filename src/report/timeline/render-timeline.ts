// The HTML report of a timeline: what was simulated, the picture, what each rank holds.

import { type Html, html } from '../html.ts';
import { grid, renderPage } from '../page.ts';
import { memoryFigure, timelineFigure } from './timeline-chart.ts';
import type { TimelineData } from './timeline-data.ts';

/** Renders one HTML document. */
export function renderTimeline(data: TimelineData): string {
  const { title, notes } = data;
  return renderPage({
    title: `${title}: TinySeek timeline`,
    header: html`<header><h1>${title}</h1>${notes.map((note) => html`<p>${note}</p>`)}</header>`,
    sections: [
      { id: 'numbers', title: 'In numbers', content: factTable(data) },
      { id: 'timeline-section', title: 'Timeline', content: grid([timelineFigure(data), memoryFigure(data)]) },
    ],
    footer: 'Simulated, not measured: each operation starts when the rank is free and what it waits for is there.',
  });
}

function factTable({ facts }: TimelineData): Html {
  const rows = facts.map(([label, value]) => html`<tr><th scope="row">${label}</th><td>${value}</td></tr>`);
  return html`<div class="card"><table><tbody>${rows}</tbody></table></div>`;
}
