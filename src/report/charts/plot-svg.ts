// Observable Plot without a browser: drawn into a linkedom document, returned as inline SVG.

import { escapeHtml, Html } from '../html.ts';
import { Plot, parseHTML } from '../plot.ts';

/** Colour of axis text, so that a chart follows the page into dark mode. */
const muted = 'var(--muted)';

/** Draws a plot as `<svg role="img">`; colours must be CSS variables or `currentColor`. */
export function renderSvg(label: string, options: Plot.PlotOptions): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ ...options, document, style: { fontSize: '12px', color: muted } });
  svg.querySelector('style')?.remove();
  const source = shorten(svg.outerHTML);
  return new Html(source.replace('<svg ', () => `<svg role="img" aria-label="${escapeHtml(label)}" `));
}

/** A tenth of a pixel is enough for a curve, a hundredth for the rest: a third of the file. */
function shorten(svg: string): string {
  return svg
    .replace(/ (?:d|transform)="[^"]*"/g, (path) => path.replace(/(\.\d)\d+/g, '$1'))
    .replace(/="(-?\d+\.\d\d)\d+"/g, '="$1"');
}
