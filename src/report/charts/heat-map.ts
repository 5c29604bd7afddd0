// Layers x experts heat map: neutral where an expert gets its fair share, one colour above, another below.
//
// Shape legend: L layers, E experts.

import { type Html, html } from '../html.ts';
import { Plot } from '../plot.ts';
import { renderSvg } from './plot-svg.ts';

/** Load at which the colour is full, as a multiple of the layer's mean. */
export const fullLoad = 2;

export interface HeatMap {
  readonly label: string;
  /** [L] */
  readonly rowNames: readonly string[];
  /** [L][E]: counts or shares, read relative to the mean of their row. */
  readonly load: readonly (readonly number[])[];
}

interface Cell {
  readonly row: string;
  readonly expert: number;
  readonly fill: string;
  readonly opacity: number;
  readonly stroke: string;
  readonly title: string;
}

/** Draws the cells row by row, so the n-th `<rect>` is the n-th entry of `load` flattened. */
export function heatMapSvg({ label, rowNames, load }: HeatMap): Html {
  const numExperts = Math.max(...load.map((row) => row.length));
  const rowHeight = rowNames.length > 16 ? 14 : 24;
  const every = Math.ceil(numExperts / 16);
  return renderSvg(label, {
    width: isWide(load) ? 940 : 460,
    height: 44 + rowNames.length * rowHeight,
    marginLeft: 72,
    marginRight: 14,
    marginTop: 6,
    marginBottom: 38,
    padding: 0.08,
    x: {
      label: 'expert',
      type: 'band',
      domain: range(numExperts),
      ticks: range(numExperts).filter((e) => e % every === 0),
    },
    y: { label: null, type: 'band', domain: [...rowNames], tickSize: 0 },
    opacity: { type: 'identity' },
    marks: [
      Plot.cell(cellsOf(rowNames, load), {
        x: 'expert',
        y: 'row',
        fill: 'fill',
        fillOpacity: 'opacity',
        stroke: 'stroke',
        title: 'title',
      }),
    ],
  });
}

/** So many experts that the map needs the whole width of the page. */
export function isWide(load: HeatMap['load']): boolean {
  return load.some((row) => row.length > 32);
}

/** Colours explained; an outlined cell is an expert with no token. */
export function heatMapLegend(): Html {
  return html`<div class="scale"><span>no token</span><span class="bar" aria-hidden="true"></span><span>${fullLoad}x the mean or more</span></div>`;
}

function cellsOf(rowNames: readonly string[], load: HeatMap['load']): Cell[] {
  return load.flatMap((counts, index) => {
    const row = rowNames[index] ?? '';
    const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
    return counts.map((count, expert) => {
      const ratio = mean > 0 ? count / mean : 1;
      return { row, expert, ...cellColor(ratio), title: `${row}, expert ${expert}: ${ratio.toFixed(2)}x the mean` };
    });
  });
}

function cellColor(ratio: number): Pick<Cell, 'fill' | 'opacity' | 'stroke'> {
  const over = ratio > 1;
  const opacity = over ? Math.min(1, (ratio - 1) / (fullLoad - 1)) : 1 - ratio;
  return {
    fill: over ? 'var(--over)' : 'var(--under)',
    opacity: Number(opacity.toFixed(2)),
    stroke: ratio === 0 ? 'var(--text)' : 'var(--grid)',
  };
}

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i);
}
