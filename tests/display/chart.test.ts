// Charts in characters and as pictures.

import { parseHTML } from 'linkedom';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BarsChart, Chart, GridChart, LinesChart } from '../../src/display/chart.ts';
import { chartToText } from '../../src/display/chart-text.ts';
import { chartToSvg, display, setDisplayHook } from '../../src/display/display.ts';

const lines: LinesChart = {
  kind: 'lines',
  title: 'Loss',
  x: 'step',
  y: 'nats',
  series: {
    main: [4, 3, 2, 1],
    'depth 1': [
      [2, 4],
      [4, 2],
    ],
  },
};
const bars: BarsChart = { kind: 'bars', title: 'Cache', x: '', y: 'numbers', values: { MHA: 40960, MLA: 576 } };
const grid: GridChart = {
  kind: 'grid',
  title: 'Load',
  x: 'expert',
  y: 'layer',
  values: [
    [0, 1],
    [0.5, 0.5],
  ],
};

afterEach(() => setDisplayHook(null));

describe('a chart as text', () => {
  it('has a line for each curve, from high to low', () => {
    expect(chartToText(lines).split('\n')).toEqual([
      'Loss',
      'main     █▆▃▁  4 to 1, lowest 1, highest 4',
      'depth 1  █▃  4 to 2, lowest 2, highest 4',
    ]);
  });

  it('has a bar for each value, the longest one for the largest', () => {
    const [, mha, mla] = chartToText(bars).split('\n');
    expect(mha).toBe(`MHA  ${'█'.repeat(40)}  40960`);
    expect(mla).toBe(`MLA  █${' '.repeat(39)}  576`);
  });

  it('has a row for each row of a grid, the darkest cell for the largest value', () => {
    expect(chartToText(grid).split('\n').slice(2)).toEqual(['0    ██  up to 1', '1  ▒▒▒▒  up to 0.5']);
  });

  it.each<[string, Chart]>([
    ['no curve', { ...lines, series: {} }],
    ['a curve without points', { ...lines, series: { empty: [] } }],
    ['values that are not finite', { ...lines, series: { nan: [1, Number.NaN, Number.POSITIVE_INFINITY] } }],
    ['one value', { ...lines, series: { one: [3] } }],
    ['no bar', { ...bars, values: {} }],
    ['bars of nothing and below zero', { ...bars, values: { zero: 0, below: -2 } }],
    ['an empty grid', { ...grid, values: [] }],
    ['a grid of zeros', { ...grid, values: [[0, 0]] }],
  ])('and as a picture is made of %s', async (_, chart) => {
    expect(chartToText(chart)).toContain(chart.title);
    expect(await chartToSvg(chart)).toContain('</svg>');
  });
});

describe('a chart as a picture', () => {
  const draw = async (chart: Chart) => parseHTML(await chartToSvg(chart)).document;

  it('writes all digits of a value, and not the first two decimals of it', async () => {
    expect(await chartToSvg({ ...bars, values: { a: 0.4365 } })).toContain('>0.4365</text>');
  });

  it('draws a curve for each series, and names them', async () => {
    const picture = await draw(lines);
    expect(picture.querySelectorAll('[aria-label=line] path')).toHaveLength(2);
    expect(picture.documentElement.textContent).toContain('depth 1');
    expect(picture.querySelector('svg')!.getAttribute('aria-label')).toBe('Loss');
  });

  it('draws a bar for each value and a cell for each value of a grid', async () => {
    expect((await draw(bars)).querySelectorAll('[aria-label=bar] rect')).toHaveLength(2);
    expect((await draw(grid)).querySelectorAll('[aria-label=cell] rect')).toHaveLength(4);
  });

  it('keeps markup in names as text', async () => {
    const svg = await chartToSvg({ ...lines, title: '<script>"&', series: { '<b>': [1, 2], c: [1, 2] } });
    expect(svg).not.toMatch(/<script|<b>/);
  });
});

describe('display', () => {
  it('writes characters where there is no notebook', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    await display(bars);
    expect(log.mock.calls).toEqual([[chartToText(bars)]]);
    log.mockRestore();
  });

  it('gives a notebook all forms', async () => {
    const taken: object[] = [];
    setDisplayHook((bundle) => void taken.push(bundle));
    await display(bars);
    expect(taken).toEqual([{ 'image/svg+xml': await chartToSvg(bars), 'text/plain': chartToText(bars) }]);
  });
});
