// The results of one run at a glance.

import { type Html, html } from '../html.ts';
import type { RunData } from '../run-data.ts';
import { runResults } from './results.ts';

export function renderTiles(run: RunData): Html {
  const tiles = runResults.flatMap(({ label, note, format, value }) => {
    const found = value(run);
    if (found === null) return [];
    return [tile(label, format(found), label === 'bits per byte' ? brotliNote(found, run) : note)];
  });
  return html`<dl class="tiles">${tiles}</dl>`;
}

function tile(label: string, value: string, note: string): Html {
  return html`<div class="tile"><dt>${label}</dt><dd><strong>${value}</strong><span>${note}</span></dd></div>`;
}

function brotliNote(bitsPerByte: number, { settings }: RunData): string {
  const brotli = settings.brotliBitsPerByte;
  if (brotli === null) return 'held-out text';
  const percent = Math.abs((1 - bitsPerByte / brotli) * 100).toFixed(1);
  return `held-out text, ${percent} % ${bitsPerByte < brotli ? 'below' : 'above'} Brotli`;
}
