// Charts in characters: for terminals, for screen readers, and where no picture can be shown.

import {
  type BarsChart,
  type Chart,
  curvesOf,
  darkestOf,
  type GridChart,
  gridNames,
  type LinesChart,
  shortNumber,
} from './chart.ts';

const heights = '▁▂▃▄▅▆▇█';
const shades = ' ░▒▓█';
/** Characters of a curve, and of the longest bar. */
const width = 40;

/** A chart as text: its title, and a line for each curve, bar or row. */
export function chartToText(chart: Chart): string {
  return [chart.title, ...linesOf(chart)].join('\n');
}

function linesOf(chart: Chart): string[] {
  switch (chart.kind) {
    case 'lines':
      return curveLines(chart);
    case 'bars':
      return barLines(chart);
    case 'grid':
      return gridLines(chart);
  }
}

/** A character for each part of a curve, and where it begins, ends and is lowest and highest. */
function curveLines(chart: LinesChart): string[] {
  const scale = chart.isLogarithmic === true ? Math.log : (y: number) => y;
  const curves = curvesOf(chart).filter((points) => points.length > 0);
  const scaled = curves.flatMap((points) => points.map(({ y }) => scale(y))).filter(Number.isFinite);
  const [low, high] = [Math.min(...scaled), Math.max(...scaled)];
  const longest = Math.max(0, ...curves.map(([first]) => first!.series.length));
  return curves.map((points) => {
    const ys = points.map(({ y }) => y);
    const curve = inParts(ys).map((y) => pick(heights, (scale(y) - low) / (high - low || 1)));
    const [first, last] = [ys[0]!, ys.at(-1)!];
    return (
      `${points[0]!.series.padEnd(longest)}  ${curve.join('').padEnd(Math.min(width, ys.length))}  ` +
      `${shortNumber(first)} to ${shortNumber(last)}, lowest ${shortNumber(Math.min(...ys))}, highest ${shortNumber(Math.max(...ys))}`
    );
  });
}

/** At most `width` values: the means of equal parts. */
function inParts(values: readonly number[]): number[] {
  const parts = Math.min(width, values.length);
  return Array.from({ length: parts }, (_, part) => {
    const own = values.slice(
      Math.floor((part * values.length) / parts),
      Math.floor(((part + 1) * values.length) / parts),
    );
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  });
}

function barLines({ values }: BarsChart): string[] {
  const entries = Object.entries(values);
  const longest = Math.max(0, ...entries.map(([name]) => name.length));
  const most = Math.max(...entries.map(([, value]) => Math.abs(value)), Number.MIN_VALUE);
  return entries.map(([name, value]) => {
    const bar = '█'.repeat(Math.round((Math.abs(value) / most) * width));
    return `${name.padEnd(longest)}  ${bar.padEnd(width)}  ${shortNumber(value)}`;
  });
}

function gridLines(chart: GridChart): string[] {
  const { rows, columns } = gridNames(chart);
  const longest = Math.max(0, ...rows.map((row) => row.length));
  const darkest = darkestOf(chart);
  const lines = chart.values.map((values, i) => {
    const cells = values.map((value) => pick(shades, value / darkest).repeat(2));
    return `${(rows[i] ?? '').padEnd(longest)}  ${cells.join('')}  up to ${shortNumber(Math.max(...values))}`;
  });
  return [`${chart.y}; columns: ${chart.x}, ${columns[0] ?? ''} to ${columns.at(-1) ?? ''}`, ...lines];
}

/** One of the characters, by a share from 0 to 1. */
function pick(characters: string, share: number): string {
  const last = characters.length - 1;
  return characters[Math.min(last, Math.max(0, Math.round((Number.isFinite(share) ? share : 1) * last)))]!;
}
