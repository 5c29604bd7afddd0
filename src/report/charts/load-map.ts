// The expert load of a run with a slider over its steps. Without JavaScript it shows the last step.

import { type Html, html, jsonScript } from '../html.ts';
import { routesTokens } from '../routing.ts';
import type { RunData } from '../run-data.ts';
import { csvLink } from './csv.ts';
import { type Owner, ownedTitle, renderFigure } from './figure.ts';
import { fullLoad, heatMapLegend, heatMapSvg, isWide } from './heat-map.ts';
import { type LoadFrames, layerName, loadFrames } from './load-frames.ts';

/** The figure, or null when no load was recorded or there is no choice of experts. */
export function loadMapFigure(owner: Owner, { metrics, settings: { model } }: RunData): Html | null {
  const frames = routesTokens(model) ? loadFrames(metrics) : null;
  if (!frames) return null;
  const id = `expert-load-${owner.index}`;
  const { layers, steps, counts } = frames;
  const rowNames = layers.map((layer) => layerName(layer, model));
  const last = counts.at(-1) ?? [];
  return renderFigure({
    id,
    title: ownedTitle('Expert load by layer', owner),
    advice:
      'Even colour means balanced experts; a column or cell that stays strong over many steps is an expert that is ' +
      'overused or starved.',
    legend: heatMapLegend(),
    body: html`<div data-load><div class="scroll">${heatMapSvg({ label: 'Expert load by layer', rowNames, load: last })}</div>
${slider(steps)}${jsonScript({ steps, rowNames, counts })}</div>`,
    download: csvLink(id, framesToRows(frames)),
    wide: isWide(last),
  });
}

function slider(steps: readonly number[]): Html {
  const last = steps.length - 1;
  return html`<p class="slider"><output>step ${steps.at(-1) ?? 0}</output> <input type="range" min="0" max="${last}" value="${last}" aria-label="Step of the expert load" hidden></p>`;
}

function framesToRows({ layers, steps, counts }: LoadFrames): (string | number)[][] {
  const numExperts = Math.max(...(counts.at(-1) ?? []).map((row) => row.length));
  const header = ['step', 'layer', ...Array.from({ length: numExperts }, (_, e) => `expert ${e}`)];
  const rows = counts.flatMap((frame, f) => frame.map((row, l) => [steps[f] ?? 0, layers[l] ?? 0, ...row]));
  return [header, ...rows];
}

/** Recolours the cells when a slider moves; same colours as `heat-map.ts`, which a test compares. */
export const sliderScript = `for (const map of document.querySelectorAll('[data-load]')) {
  const { steps, rowNames, counts } = JSON.parse(map.querySelector('script').textContent);
  const cells = map.querySelectorAll('rect');
  const slider = map.querySelector('input');
  const show = () => {
    const frame = Number(slider.value);
    let next = 0;
    map.querySelector('output').textContent = 'step ' + steps[frame];
    counts[frame].forEach((row, layer) => {
      const mean = row.reduce((sum, count) => sum + count, 0) / row.length;
      row.forEach((count, expert) => {
        const cell = cells[next++];
        const ratio = mean > 0 ? count / mean : 1;
        const opacity = ratio > 1 ? Math.min(1, (ratio - 1) / ${fullLoad - 1}) : 1 - ratio;
        cell.setAttribute('fill', ratio > 1 ? 'var(--over)' : 'var(--under)');
        cell.setAttribute('fill-opacity', Number(opacity.toFixed(2)));
        cell.setAttribute('stroke', ratio === 0 ? 'var(--text)' : 'var(--grid)');
        cell.querySelector('title').textContent =
          rowNames[layer] + ', expert ' + expert + ': ' + ratio.toFixed(2) + 'x the mean';
      });
    });
  };
  slider.addEventListener('input', show);
  slider.hidden = steps.length < 2;
  if (!slider.hidden) show();
}`;
