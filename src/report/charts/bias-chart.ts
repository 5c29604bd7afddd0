// How the selection bias of every expert moves, one panel a layer.

import type { MetricsLine } from '../../train/events.ts';
import { formatTick } from '../format.ts';
import { type Html, html } from '../html.ts';
import { Plot } from '../plot.ts';
import type { RunData } from '../run-data.ts';
import { csvLink } from './csv.ts';
import { type Owner, ownedTitle, renderFigure, renderLegend } from './figure.ts';
import { layerName, loadLayers } from './load-frames.ts';
import { renderSvg } from './plot-svg.ts';
import { spread, vectorOf } from './points.ts';

/** Most bias values in the figure, all layers and experts together, unless that leaves fewer than 12 steps. */
const maxValues = 6_000;
/** Panels beyond this many are folded away. */
const openPanels = 8;

interface BiasRow {
  readonly step: number;
  readonly bias: readonly number[];
}

interface Panel {
  readonly layer: number;
  readonly rows: readonly BiasRow[];
}

/** The figure, or null when no bias ever moved (a run that balances by other means) or there is one step only. */
export function biasFigure(owner: Owner, { metrics, settings: { model } }: RunData): Html | null {
  const id = `expert-bias-${owner.index}`;
  const panels = biasPanels(metrics);
  if (!panels.some(({ rows }) => rows.some(({ bias }) => bias.some((value) => value !== 0)))) return null;
  const charts = panels.map((panel) => biasPanel(panel, layerName(panel.layer, model)));
  return renderFigure({
    id,
    title: ownedTitle('Expert bias by layer', owner),
    advice:
      'Each line is one expert: biases should fan out while the router finds its balance and then level off; lines that ' +
      'keep running apart mean the update speed is too low for the imbalance.',
    legend: renderLegend([
      { mark: 'line', color: 'var(--under)', dash: 0, label: 'ends above zero: picked too rarely, helped' },
      { mark: 'line', color: 'var(--over)', dash: 0, label: 'ends below zero: picked too often, held back' },
    ]),
    body: html`<div class="panels">${charts.slice(0, openPanels)}</div>${folded(charts.slice(openPanels))}`,
    download: csvLink(id, panelsToRows(panels)),
    wide: true,
  });
}

function folded(charts: readonly Html[]): Html | null {
  if (charts.length === 0) return null;
  const count = `${charts.length} more layer${charts.length === 1 ? '' : 's'}`;
  return html`<details><summary>${count}</summary><div class="panels">${charts}</div></details>`;
}

function biasPanels(metrics: readonly MetricsLine[]): Panel[] {
  const panels = loadLayers(metrics).map((layer) => ({
    layer,
    rows: metrics.flatMap((line) => {
      const bias = vectorOf(line, `load/${layer}/bias`);
      return bias ? [{ step: line.step, bias }] : [];
    }),
  }));
  const lines = panels.reduce((sum, { rows }) => sum + (rows[0]?.bias.length ?? 0), 0);
  const numSteps = Math.min(200, Math.max(12, Math.floor(maxValues / Math.max(1, lines))));
  return panels
    .filter(({ rows }) => rows.length > 1)
    .map(({ layer, rows }) => ({ layer, rows: spread(rows, numSteps) }));
}

function biasPanel({ rows }: Panel, name: string): Html {
  const last = rows.at(-1)!;
  const low = Math.min(0, ...rows.flatMap(({ bias }) => bias));
  const high = Math.max(0, ...rows.flatMap(({ bias }) => bias));
  const end = Math.max(1, last.step);
  const svg = renderSvg(`Expert bias of ${name}`, {
    width: 340,
    height: 200,
    marginLeft: 50,
    marginRight: 12,
    marginTop: 12,
    marginBottom: 36,
    x: { label: 'step', domain: [0, end], ticks: Math.min(4, end), tickFormat: formatTick },
    y: { label: null, domain: low < high ? [low, high] : [-1, 1], ticks: 5, tickFormat: formatTick },
    marks: [
      Plot.gridY({ stroke: 'var(--grid)', strokeOpacity: 1, ticks: 5 }),
      Plot.ruleY([0], { stroke: 'var(--muted)' }),
      ...last.bias.map((_, expert) => expertLine(rows, expert)),
    ],
  });
  return html`<div><h4>${name}</h4>${svg}</div>`;
}

function expertLine(rows: readonly BiasRow[], expert: number): Plot.Markish {
  const points = rows.map(({ step, bias }) => ({ step, value: bias[expert] ?? 0 }));
  const end = points.at(-1)?.value ?? 0;
  const color = end > 0 ? 'var(--under)' : end < 0 ? 'var(--over)' : 'var(--muted)';
  return Plot.line(points, { x: 'step', y: 'value', stroke: color, strokeWidth: 1.2, strokeOpacity: 0.8 });
}

function panelsToRows(panels: readonly Panel[]): (string | number)[][] {
  const numExperts = Math.max(...panels.map(({ rows }) => rows[0]?.bias.length ?? 0));
  const header = ['step', 'layer', ...Array.from({ length: numExperts }, (_, e) => `expert ${e}`)];
  return [header, ...panels.flatMap(({ layer, rows }) => rows.map(({ step, bias }) => [step, layer, ...bias]))];
}
