import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { columnsToRows, csvLink } from '../../src/report/charts/csv.ts';
import {
  capital,
  enumerate,
  formatCount,
  formatDuration,
  formatNumber,
  formatTick,
  formatTime,
} from '../../src/report/format.ts';
import { html, jsonScript } from '../../src/report/html.ts';
import { csvOf } from './html-check.ts';

describe('html', () => {
  it('escapes texts and keeps what is HTML already', () => {
    expect(html`<p title="${'"a"'}">${['<', html`<b>&amp;</b>`, null, 7]}</p>`.source).toBe(
      '<p title="&quot;a&quot;">&lt;<b>&amp;</b>7</p>',
    );
  });

  it('gives any printable text back when parsed', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { document } = parseHTML(`<!doctype html><html><body>${html`<p>${text}</p>`.source}</body></html>`);
        expect(document.querySelector('p')?.textContent).toBe(text);
      }),
    );
  });

  it('writes JSON that cannot close its script element', () => {
    const value = { text: '</script><!--' };
    const { source } = jsonScript(value);
    expect(source.match(/</g)).toHaveLength(2);
    expect(JSON.parse(source.replace(/<[^>]*>/g, ''))).toEqual(value);
  });
});

describe('csv', () => {
  it('joins columns by step and leaves gaps empty', () => {
    const a = {
      label: 'a',
      points: [
        { x: 1, y: 0.5 },
        { x: 3, y: 1 / 3 },
      ],
    };
    const b = { label: 'b', points: [{ x: 2, y: 1234567 }] };
    expect(csvOf(csvLink('x', columnsToRows([a, b])).source)).toBe('step,a,b\n1,0.5,\n2,,1234567\n3,0.333333,\n');
  });

  it('quotes separators and disarms formulas', () => {
    expect(csvOf(csvLink('x', [['a,"b"', '=1+1', 'plain']]).source)).toBe('"a,""b""",\'=1+1,plain\n');
  });
});

describe('format', () => {
  it('writes numbers as people read them', () => {
    expect([0, 0.1 + 0.2, 12500, 2e6, 3e-5, -0.5].map(formatTick)).toEqual([
      '0',
      '0.3',
      '12.5k',
      '2M',
      '3e\u22125',
      '\u22120.5',
    ]);
    expect([2.43, 0, 0.00042].map(formatNumber)).toEqual(['2.430', '0.000', '0.00042']);
    expect([9999, 51200, 1.79e6, 671026419200].map(formatCount)).toEqual(['9,999', '51.2 k', '1.79 M', '671 B']);
    expect([0.42, 59.7, 252, 7500].map(formatDuration)).toEqual(['0.4 s', '1 min 0 s', '4 min 12 s', '2 h 5 min']);
    expect(formatTime('2026-11-23T16:20:00.000Z')).toBe('2026-11-23 16:20 UTC');
    expect(formatTime('yesterday')).toBe('yesterday');
  });

  it('joins words into sentences', () => {
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(enumerate)).toEqual(['', 'a', 'a and b', 'a, b and c']);
    expect(capital('bits per byte')).toBe('Bits per byte');
  });
});
