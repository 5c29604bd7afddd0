// What a report may say of several runs side by side: which of them is best, and which lines and curves belong to
// which.

import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import type { Html } from '../../src/report/html.ts';
import { renderReport } from '../../src/report/run/render-report.ts';
import { balanceCharts, lossCharts, overlayFigures, speedCharts } from '../../src/report/run/run-charts.ts';
import { comparisonTable } from '../../src/report/run/tables.ts';
import type { RunData } from '../../src/report/run-data.ts';
import { makeRun } from './fixture.ts';
import { htmlProblems } from './html-check.ts';

const steps = { steps: 61, evalEvery: 20 };
const base = makeRun({ ...steps, name: 'base' });
const slow = { ...steps, name: 'slow', learningRate: 1e-3, imbalance: 0.5 };

function parse({ source }: Html) {
  return parseHTML(`<!doctype html><html><body>${source}</body></html>`).document;
}

/** Rows that have a best value, and what is said of those that have none. */
function comparison(...runs: readonly RunData[]) {
  const document = parse(comparisonTable(runs));
  const rows = [...document.querySelectorAll('tbody tr')].filter((row) => row.querySelector('td strong'));
  return {
    best: rows.map((row) => row.querySelector('th')?.firstChild?.textContent?.trim()),
    why: document.querySelector('p')?.textContent ?? '',
  };
}

/** The overlaid charts by name. */
function chartsOf(runs: readonly RunData[]): Map<string, Html> {
  const charts = [...lossCharts, ...balanceCharts, ...speedCharts];
  const figures = overlayFigures(charts, runs);
  return new Map(figures.flatMap((figure, i) => (figure === null ? [] : [[charts[i]!.id, figure] as const])));
}

/** Legend entries and strokes of the dashed rules of a chart. */
function rules(runs: readonly RunData[], chart: string) {
  const document = parse(chartsOf(runs).get(chart)!);
  const labels = [...document.querySelectorAll('.legend li')].map((item) => String(item.textContent));
  const drawn = [...document.querySelectorAll('svg[role] g[aria-label="rule"]')];
  const strokes = drawn.map((mark) => `${mark.getAttribute('stroke')} ${mark.getAttribute('stroke-dasharray')}`);
  return { labels: labels.filter((label) => /Brotli|clipped/.test(label)), strokes };
}

const losses = ['held-out loss', 'perplexity', 'training loss', 'MTP loss'];
const balance = ['MaxVio per batch', 'dead experts'];

describe('a report of several runs', () => {
  it('marks the best of what was measured alike, and never of speed, which depends on the machine', () => {
    const metrics = base.metrics.map((line) => ({ ...line, 'train/tokens_per_second': 7 }));
    expect(comparison({ ...base, metrics }, makeRun(slow))).toEqual({
      best: ['bits per byte', ...losses, ...balance],
      why: 'No best is marked for tokens per second: a run folder does not say which machine it is from.',
    });
  });

  it.each([
    ['another corpus', { domains: ['code'], brotli: 0.83 }],
    ['another split of the same corpus', { brotli: 2.41 }],
  ])('marks none for %s and says why', (_what, options) => {
    const { best, why } = comparison(base, makeRun({ ...slow, ...options }));
    expect(best).toEqual([]);
    expect(why).toMatch(
      /^No best is marked for bits per byte, held-out loss, perplexity, .*: the runs read different text\./,
    );
  });

  it('compares bits per byte and no loss where tokenizers differ', () => {
    const { best, why } = comparison(base, makeRun({ ...slow, tokenizer: 'bytes' }));
    expect(best).toEqual(['bits per byte']);
    expect(why).toMatch(/MaxVio per batch and dead experts: the runs cut text into different tokens\./);
  });

  it.each([
    ['numbers of experts', { experts: 8 }, /MaxVio per batch.*: the runs have different numbers of experts\./],
    ['experts chosen', { expertsPerToken: 2 }, /MaxVio per batch.*: the runs have different numbers of experts\./],
    ['sizes of a batch', { batchSize: 4 }, /MaxVio per batch.*: the runs have batches of different sizes\./],
  ])('compares losses and no balance where runs have different %s', (_what, options, reason) => {
    const { best, why } = comparison(base, makeRun({ ...slow, ...options }));
    expect(best).toEqual(expect.arrayContaining(['bits per byte', ...losses]));
    for (const label of balance) expect(best).not.toContain(label);
    expect(why).toMatch(reason);
  });

  it('marks no evaluation of the whole text against one of its beginning', () => {
    const other = makeRun(slow);
    const metrics = other.metrics.map((line) => ('eval/tokens' in line ? { ...line, 'eval/tokens': 8192 } : line));
    const { best } = comparison(base, { ...other, metrics });
    expect(best).toEqual(['training loss', ...balance]);
  });

  it('says that evaluations before the end read less, where they do', () => {
    const note = 'Evaluations before the end read only the beginning of the held-out text.';
    const metrics = base.metrics.map((line) =>
      'eval/tokens' in line && line.step < 61 ? { ...line, 'eval/tokens': 8192 } : line,
    );
    expect(chartsOf([{ ...base, metrics }]).get('bits-per-byte')?.source).toContain(note);
    expect(chartsOf([base]).get('bits-per-byte')?.source).not.toContain(note);
  });

  it('compares those that have been evaluated, and does not take an earlier value for one that is not a number', () => {
    const none = makeRun({ ...slow, name: 'none', evalEvery: 0 });
    expect(comparison(base, makeRun(slow), none).best).toContain('bits per byte');
    expect(comparison(base, none).best).not.toContain('bits per byte');
    const last = base.metrics.findLastIndex((line) => 'eval/loss' in line);
    const metrics = base.metrics.map((line, i) => {
      const { 'eval/loss': _, 'eval/bits_per_byte': __, ...rest } = line;
      return i === last ? { ...rest, step: line.step, tokens: line.tokens, seconds: line.seconds } : line;
    });
    const { source } = comparisonTable([makeRun(slow), { ...base, metrics }]);
    expect(source).toMatch(/bits per byte <small>held-out text<\/small><\/th><td>\d\.\d+<\/td><td>none<\/td>/);
    expect(htmlProblems(source)).toEqual([]);
  });

  it('marks a model without routing neither best nor worst at balance', () => {
    const dense = makeRun({ ...slow, layers: 2, denseLayers: 2, mtpDepth: 0 });
    const metrics = dense.metrics.map((line) => ('eval/loss' in line ? { ...line, 'eval/max_vio_global': 0 } : line));
    const { best } = comparison(base, { ...dense, metrics });
    for (const label of [...balance, 'MaxVio global']) expect(best).not.toContain(label);
  });

  it('draws one line of Brotli for runs of the same text', () => {
    const { labels, strokes } = rules([base, makeRun(slow)], 'bits-per-byte');
    expect(labels).toEqual(['Brotli 2.430']);
    expect(strokes).toEqual(['var(--text) 4 3']);
  });

  it('draws lines of Brotli in the colours of their runs, and names the runs, where texts differ', () => {
    const code = makeRun({ ...slow, name: 'code', brotli: 0.83 });
    const twin = makeRun({ ...slow, name: 'twin' });
    const { labels, strokes } = rules([base, code, twin], 'bits-per-byte');
    expect(labels).toEqual(['Brotli 2.430 (base and twin)', 'Brotli 0.830 (code)']);
    expect(strokes).toEqual(['var(--series-0) 4 3', 'var(--series-1) 4 3']);
  });

  it('tells any two lines apart, however many texts there are', () => {
    const runs = Array.from({ length: 20 }, (_, i) => makeRun({ ...steps, name: `run-${i}`, brotli: 2 + i / 10 }));
    const { labels, strokes } = rules(runs, 'bits-per-byte');
    expect(new Set(labels).size).toBe(20);
    expect(new Set(strokes).size).toBe(20);
  });

  it('does the same for the norms at which gradients are clipped', () => {
    const { labels, strokes } = rules([base, makeRun({ ...slow, maxGradNorm: 5 })], 'grad-norm');
    expect(labels).toEqual(['clipped at 1 (base)', 'clipped at 5 (slow)']);
    expect(new Set(strokes).size).toBe(2);
  });

  it('warns under curves of different text, in the charts of loss and of balance alone', () => {
    const charts = [...chartsOf([base, makeRun({ ...slow, brotli: 0.83 })])];
    const warned = charts
      .filter(([, { source }]) =>
        source.includes('Do not compare one run with another here: the runs read different text.'),
      )
      .map(([id]) => id);
    expect(warned).toEqual(['train-loss', 'bits-per-byte', 'mtp-loss', 'max-vio', 'min-vio', 'dead-experts']);
  });

  it('gives runs of the same name names of their own', () => {
    const names = ['a', 'a (2)', 'a', 'a'];
    const source = renderReport(names.map((name) => makeRun({ steps: 3, name })));
    const heads = [...source.matchAll(/<th scope="col">([^<]*)/g)].slice(0, 4).map(([, name]) => name);
    expect(heads).toEqual(['a', 'a (2)', 'a (3)', 'a (4)']);
  });

  it('folds the descriptions of many runs away, and says that settings are the same if they are', () => {
    const runs = Array.from({ length: 10 }, (_, i) => makeRun({ ...steps, name: `run-${i}` }));
    const source = renderReport(runs);
    expect(htmlProblems(source)).toEqual([]);
    expect(source).toContain('<h1>10 training runs compared</h1><details><summary>What each run is</summary>');
    const later = { ...base, settings: { ...base.settings, createdAt: '2026-11-24T09:00:00.000Z' } };
    expect(comparisonTable([base, later]).source).toContain('All settings are the same');
  });

  it('marks none where a run ended early, and says how far it came', () => {
    const stopped = (run: RunData) => ({ ...run, metrics: run.metrics.filter(({ step }) => step <= 33) });
    const { best, why } = comparison(stopped(base), makeRun(slow));
    expect(best).toEqual([]);
    expect(why).toMatch(/dead experts: not all of the runs have come to their end\./);
    expect(comparison(stopped(base), stopped(makeRun(slow))).best).toContain('training loss');
    expect(renderReport([stopped(base), base])).toContain('33 of 61 steps');
  });
});
