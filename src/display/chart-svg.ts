// Charts as pictures, drawn by Observable Plot.
//
// Where notebooks are shown, scripts and styles are often taken out. So everything is an attribute, and the ground is
// white whatever the page's is.

import { Plot, parseHTML } from '../report/plot.ts';
import {
  type BarsChart,
  type Chart,
  curvesOf,
  darkestOf,
  type GridChart,
  gridNames,
  type LinesChart,
} from './chart.ts';

const width = 640;
/** Okabe and Ito's colours, which the colour-blind can tell apart; without yellow, which is too light for a line. */
const colours = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#56b4e9', '#e69f00', '#000000'];
const ink = '#333333';
const titleHeight = 32;
const legendHeight = 22;

/** A chart as the source of one `<svg>`. */
export function drawSvg(chart: Chart): string {
  const names = chart.kind === 'lines' ? Object.keys(chart.series) : [];
  const top = titleHeight + (names.length > 1 ? legendHeight : 0);
  const options = optionsOf(chart);
  const height = options.height ?? 0;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top + height}" ` +
      `viewBox="0 0 ${width} ${top + height}" role="img" aria-label="${escapeText(chart.title)}" ` +
      `font-family="system-ui, sans-serif" font-size="12" fill="${ink}">`,
    `<rect width="${width}" height="${top + height}" fill="#ffffff"/>`,
    `<text x="12" y="21" font-size="13" font-weight="600">${escapeText(chart.title)}</text>`,
    ...(names.length > 1 ? legend(names) : []),
    plot(options).replace('<svg ', `<svg y="${top}" `),
    '</svg>',
  ].join('\n');
}

function legend(names: readonly string[]): string[] {
  let x = 12;
  return names.map((name, i) => {
    const at = x;
    x += 34 + 7 * name.length;
    const colour = colourOf(i);
    return (
      `<g transform="translate(${at},${titleHeight})"><path d="M0,8H16" stroke="${colour}" stroke-width="3"/>` +
      `<text x="21" y="12">${escapeText(name)}</text></g>`
    );
  });
}

const colourOf = (series: number): string => colours[series % colours.length]!;

function optionsOf(chart: Chart): Plot.PlotOptions {
  const common = { width, marginLeft: 64, marginRight: 20, marginBottom: 40 };
  switch (chart.kind) {
    case 'lines':
      return { ...common, height: 280, ...curveOptions(chart) };
    case 'bars':
      return { ...common, ...barOptions(chart) };
    case 'grid':
      return { ...common, ...gridOptions(chart) };
  }
}

function curveOptions(chart: LinesChart): Plot.PlotOptions {
  const curves = curvesOf(chart);
  return {
    x: { label: chart.x, labelArrow: false },
    y: {
      ...{ label: chart.y, labelArrow: false, grid: true },
      ...(chart.isLogarithmic === true && { type: 'log', tickFormat: '~g' }),
    },
    marks: curves.map((points, i) =>
      Plot.line(points, { x: 'x', y: 'y', stroke: colourOf(i), strokeWidth: 2, clip: false }),
    ),
  };
}

function barOptions({ values, x, y }: BarsChart): Plot.PlotOptions {
  const bars = Object.entries(values).map(([name, value]) => ({ name, value }));
  return {
    height: 52 + 30 * bars.length,
    marginLeft: 24 + 7 * Math.max(0, ...bars.map(({ name }) => name.length)),
    marginRight: 60,
    x: { label: y, labelArrow: false, grid: true },
    y: { label: x === '' ? null : x, domain: bars.map(({ name }) => name), labelArrow: false, tickSize: 0 },
    marks: [
      Plot.barX(bars, { x: 'value', y: 'name', fill: colourOf(0), insetTop: 2, insetBottom: 2 }),
      Plot.text(bars, {
        x: 'value',
        y: 'name',
        text: ({ value }: { value: number }) => value.toLocaleString('en', { maximumSignificantDigits: 4 }),
        textAnchor: 'start',
        dx: 4,
      }),
    ],
  };
}

function gridOptions(chart: GridChart): Plot.PlotOptions {
  const { rows, columns } = gridNames(chart);
  const darkest = darkestOf(chart);
  const cells = chart.values.flatMap((values, row) =>
    values.map((value, column) => ({ row: rows[row], column: columns[column], share: Math.min(1, value / darkest) })),
  );
  const every = Math.ceil(columns.length / 16);
  return {
    height: 56 + Math.max(14, Math.min(28, 420 / rows.length)) * rows.length,
    marginLeft: 34 + 7 * Math.max(0, ...rows.map((row) => row.length)),
    padding: 0.06,
    x: {
      label: chart.x,
      labelArrow: false,
      type: 'band',
      domain: [...columns],
      ticks: columns.filter((_, i) => i % every === 0),
      tickSize: 0,
    },
    y: { label: chart.y, labelArrow: false, type: 'band', domain: [...rows], tickSize: 0 },
    opacity: { type: 'identity' },
    marks: [Plot.cell(cells, { x: 'column', y: 'row', fill: colourOf(0), fillOpacity: 'share', stroke: '#dddddd' })],
  };
}

/** The drawing of a plot, without its style sheet. Positions have two decimals; what is written keeps all of its own. */
function plot(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({ ...options, document });
  svg.querySelector('style')?.remove();
  for (const element of [svg, ...svg.querySelectorAll('[style]')]) element.removeAttribute('style');
  for (const element of [svg, ...svg.querySelectorAll('[class]')]) element.removeAttribute('class');
  return svg.outerHTML.replace(/<[^>]*>/g, (tag: string) => tag.replace(/(\.\d{2})\d+/g, '$1'));
}

function escapeText(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
