// Metrics of a study as maps, one for each arm: the mean over seeds by two traits, such as the length of a text and the
// depth at which something lies in it (the report's Figure 8).

import { formatShort } from '../format.ts';
import { type Html, html } from '../html.ts';
import { Plot } from '../plot.ts';
import type { ArmResults, StudyResults } from '../study-results.ts';
import { csvLink } from './csv.ts';
import { renderFigure } from './figure.ts';
import { renderSvg } from './plot-svg.ts';

type MetricMap = NonNullable<StudyResults['heatMaps']>[number];

interface Cell {
  readonly x: string;
  readonly y: string;
  readonly value: number;
}

/** A figure for each arm that has measured anything of the map. */
export function metricMapFigures({ arms }: StudyResults, map: MetricMap, id: string): Html[] {
  return arms.flatMap((arm, index) => {
    const cells = cellsOf(arm, map);
    if (cells.length === 0) return [];
    const name = `${id}-${index}`;
    const rows = cells.map(({ x, y, value }) => [x, y, value]);
    return [
      renderFigure({
        id: name,
        title: `${map.title}: ${arm.label}`,
        advice: map.advice,
        legend: legend(map.range),
        body: drawSvg(`${map.title}: ${arm.label}`, map, cells),
        download: csvLink(name, [[map.xLabel, map.yLabel, 'mean over seeds'], ...rows]),
      }),
    ];
  });
}

function cellsOf({ runs }: ArmResults, map: MetricMap): Cell[] {
  return map.cells.flatMap(({ x, y, metric }) => {
    const values = runs.flatMap(({ measured }) => measured[metric] ?? []);
    return values.length === 0 ? [] : [{ x, y, value: values.reduce((a, b) => a + b, 0) / values.length }];
  });
}

function legend([least, most]: MetricMap['range']): Html {
  return html`<div class="scale"><span>${formatShort(least)}</span><span class="bar over" aria-hidden="true"></span><span>${formatShort(most)}</span></div>`;
}

function drawSvg(label: string, { xLabel, yLabel, range, cells: all }: MetricMap, cells: readonly Cell[]): Html {
  const [least, most] = range;
  const share = (value: number) => Math.min(1, Math.max(0, (value - least) / (most - least)));
  const xs = [...new Set(all.map(({ x }) => x))];
  const ys = [...new Set(all.map(({ y }) => y))];
  const place = { x: 'x', y: 'y' };
  return renderSvg(label, {
    width: 460,
    height: 60 + ys.length * 28,
    marginLeft: 72,
    marginRight: 14,
    marginTop: 22,
    marginBottom: 38,
    padding: 0.06,
    x: { label: xLabel, type: 'band', domain: xs },
    y: { label: yLabel, type: 'band', domain: ys, tickSize: 0 },
    opacity: { type: 'identity' },
    marks: [
      Plot.cell(cells, {
        ...place,
        fill: 'var(--over)',
        fillOpacity: ({ value }: Cell) => Number(share(value).toFixed(2)),
        stroke: 'var(--grid)',
        title: ({ x, y, value }: Cell) => `${xLabel} ${x}, ${yLabel} ${y}: ${formatShort(value)}`,
      }),
      Plot.text(cells, { ...place, text: ({ value }: Cell) => formatShort(value), fill: 'var(--text)' }),
    ],
  });
}
