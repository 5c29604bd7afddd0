// The frame of a report: one HTML file that needs no network, no server and no JavaScript (a slider uses some, where
// there is any).

import { createHash } from 'node:crypto';
import { sliderScript } from './charts/load-map.ts';
import { type Content, Html, html } from './html.ts';
import { style } from './style.ts';

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Html;
}

export interface Page {
  readonly title: string;
  readonly header: Html;
  /** Those without content are left out. */
  readonly sections: readonly Section[];
  readonly footer: Content;
}

/** The document. What it is made of must be escaped already; a content security policy lets it load nothing. */
export function renderPage({ title, header, sections, footer }: Page): string {
  const present = sections.filter(({ content }) => content.source !== '');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy()}">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
${header}
<nav aria-label="Sections">${present.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
<main>
${present.map(({ id, title, content }) => html`<section id="${id}">\n<h2>${title}</h2>\n${content}\n</section>\n`)}
</main>
<footer>${footer}</footer>
<script>${new Html(sliderScript)}</script>
</body>
</html>
`.source;
}

/** The page may not load anything; of scripts it may run the one whose hash is given. */
function contentSecurityPolicy(): string {
  const hash = createHash('sha256').update(sliderScript).digest('base64');
  return `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`;
}

/** Figures side by side; those that are null are left out. */
export function grid(figures: readonly (Html | null)[]): Html {
  const present = figures.filter((figure) => figure !== null);
  return present.length > 0 ? html`<div class="grid">${present}</div>` : html``;
}
