import { parseHTML } from 'linkedom';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { renderReport } from '../../src/report/run/render-report.ts';
import { figuresOf } from '../../tools/report-figures.ts';
import { makeRun } from './fixture.ts';
import { csvOf, htmlProblems } from './html-check.ts';

const shared = ['train-loss', 'bits-per-byte', 'mtp-loss', 'max-vio', 'min-vio', 'dead-experts'];
const schedules = ['learning-rate', 'bias-speed', 'mtp-weight', 'batch-size', 'grad-norm', 'tokens-per-second'];
const own = ['expert-load-0', 'expert-bias-0'];
const domainFigures = ['domain-bits-per-byte-0', 'domain-load-0'];

/** Elements that show data: marks with a place in the chart. */
function countMarks(figure: string): number {
  const marks = figure.match(/aria-label="(?:line|dot|cell)"[\s\S]*?<\/g>/g) ?? [];
  return marks.flatMap((group) => group.match(/<(?:path|circle|rect) /g) ?? []).length;
}

function expectCharts(source: string, names: readonly string[]): void {
  const figures = figuresOf(source);
  expect([...figures.keys()].sort()).toEqual([...names].sort());
  for (const [name, figure] of figures) {
    expect(countMarks(figure), name).toBeGreaterThan(0);
    expect(figure, name).toMatch(/<svg role="img"[^>]*aria-label="[^"]+"/);
    expect(figure, name).toMatch(/<h3 [^>]*>[^<]+<\/h3>\s*<p class="advice">[^<]+[.]<\/p>/);
    expect(csvOf(figure).split('\n').length, name).toBeGreaterThan(2);
  }
}

describe('renderReport', () => {
  const domains = ['moby-dick', 'code', 'math'];
  const single = renderReport([makeRun({ steps: 211, evalEvery: 53, domains })]);

  it('draws every chart, each with a title, advice, marks and data', () => {
    expectCharts(single, [...shared, ...schedules, ...own, ...domainFigures]);
  });

  it('is well-formed HTML that refers to nothing outside itself', () => {
    expect(htmlProblems(single)).toEqual([]);
    expect(single).not.toMatch(/https?:|url\(|@import|<link|<img| src=/);
    expect([...single.matchAll(/ href="([^"]{0,5})/g)].every(([, start = '']) => /^(?:#|data:)/.test(start))).toBe(
      true,
    );
    expect(single).toContain('default-src &#39;none&#39;; style-src');
  });

  it('is made for phones, for dark mode and for screen readers', () => {
    expect(single).toContain('<meta name="viewport" content="width=device-width, initial-scale=1">');
    expect(single).toContain('@media (prefers-color-scheme: dark)');
    expect(single).toContain('<html lang="en">');
    expect(single).toContain('aria-label="Step of the expert load"');
  });

  it('colours charts with CSS variables and currentColor only', () => {
    const charts = [...figuresOf(single).values()].join('');
    const colors = new Set([...charts.matchAll(/ (?:fill|stroke)="([^"]*)"/g)].map(([, color]) => color));
    for (const color of colors) expect(color).toMatch(/^(?:none|currentColor|var\(--[\w-]+\))$/);
  });

  it('puts the bits per byte next to those of Brotli', () => {
    const { document } = parseHTML(single);
    const tiles = [...document.querySelectorAll('.tile')].map((tile) => String(tile.textContent));
    expect(tiles[0]).toMatch(/^bits per byte\d\.\d{3}held-out text, \d+\.\d % (?:below|above) Brotli$/);
    expect(tiles[1]).toMatch(/^Brotli bits per byte2\.430/);
    expect(single).toContain('Brotli 2.430');
  });

  it('shows text from before, midway and after, and from as far as the run has come', () => {
    const run = makeRun({ steps: 4 });
    const titles = (source: string) => [...source.matchAll(/<article[^>]*><h3>([^<]*)/g)].map(([, title]) => title);
    expect(titles(renderReport([run]))).toEqual([
      'Before training: step 0',
      'Midway: step 2',
      'After training: step 4',
    ]);
    const unfinished = { ...run, samples: run.samples.slice(0, 1) };
    expect(titles(renderReport([unfinished]))).toEqual(['Before training: step 0']);
  });

  it('shows the model in one line and every setting in a table', () => {
    expect(single).toContain('1.79 M parameters (621 k active): 4 layers (1 dense), hidden 128, MLA latent 32 + 16');
    expect(single).toContain('<th scope="row">expertBiasUpdateSpeed</th><td>0.001</td>');
    expect(single).toContain('<th scope="row">qLoraRank</th><td>null</td>');
  });

  it('escapes hostile text wherever it may come from', () => {
    const attack = '</script><script>alert(1)</script><img src=x onerror="alert(2)">\u0000&amp;';
    const run = makeRun({ steps: 13, evalEvery: 5, name: attack, domains: [attack, 'b'], sampleText: attack });
    const source = renderReport([run, { ...run, settings: { ...run.settings, version: attack } }]);
    expect(htmlProblems(source)).toEqual([]);
    expect(source).not.toContain('<img');
    expect(source).not.toContain('\u0000');
    expect(source.match(/<script>/g)).toHaveLength(1);
    expect(source).toContain('&lt;img src=x onerror=&quot;alert(2)&quot;&gt;\uFFFD&amp;amp;');
  });

  it('leaves out charts that a run has no data for', () => {
    const run = makeRun({ steps: 31, evalEvery: 0, mtpDepth: 0, balancing: 'none' });
    const source = renderReport([{ ...run, samples: [] }]);
    const names = [...shared, ...schedules, 'expert-load-0'];
    expectCharts(
      source,
      names.filter((name) => name !== 'bits-per-byte' && name !== 'mtp-loss'),
    );
    expect(htmlProblems(source)).toEqual([]);
    expect(source).not.toContain('id="samples"');
  });

  it('says in words what a chart of one point would not show', () => {
    const source = renderReport([makeRun({ steps: 1, domains })]);
    const figures = figuresOf(source);
    expect(htmlProblems(source)).toEqual([]);
    // The load of one step is still a map; a bias that has moved once is not a curve.
    expect([...figures.keys()].sort()).toEqual(
      [...shared, ...schedules, ...domainFigures, 'expert-load-0'].filter((name) => name !== 'expert-bias-0').sort(),
    );
    for (const [name, figure] of figures) {
      if (/-load-0$/.test(name)) continue;
      expect(figure, name).not.toContain('<svg role');
      expect(figure, name).toMatch(
        /<p class="advice">One (?:value|evaluation), at step 1\. [A-Z].*: .* A chart needs two points\.<\/p>/,
      );
      expect(csvOf(figure).split('\n')).toHaveLength(3);
    }
    expect(figures.get('bits-per-byte')).toMatch(
      /One evaluation, at step 1\. Bits per byte: \d\.\d+\. For comparison: Brotli 2\.430\. A chart needs two points\./,
    );
    expect(figures.get('domain-bits-per-byte-0')).toMatch(
      /at step 1\. Bits per byte: moby-dick \d\.\d+, code \d\.\d+, math \d\.\d+\./,
    );
  });

  it('shows curves beside single evaluations, and names runs and steps where all have one only', () => {
    const early = makeRun({ name: 'early', steps: 17 });
    const late = makeRun({ name: 'late', steps: 41 });
    const figures = figuresOf(renderReport([early, late]));
    expect(figures.get('train-loss')).toContain('<circle');
    expect(figures.get('bits-per-byte')).toMatch(
      /One evaluation each\. Bits per byte: early \d\.\d+ at step 17, late \d\.\d+ at step 41\./,
    );
  });

  it.each([
    ['has no layer with experts', { layers: 2, denseLayers: 2, mtpDepth: 0, domains }],
    ['gives every token all experts', { experts: 5, expertsPerToken: 5, domains }],
  ])('leaves balance out for a model that %s', (_what, options) => {
    const source = renderReport([makeRun({ steps: 37, ...options })]);
    const balance = [...figuresOf(source).keys()].filter((name) => /vio|dead|load/.test(name));
    expect(balance).toEqual([]);
    expect(source).not.toContain('<dt>MaxVio');
  });

  it('renders a run without any metrics', () => {
    const source = renderReport([{ ...makeRun({ steps: 3 }), metrics: [], samples: [] }]);
    expect(htmlProblems(source)).toEqual([]);
    expect(source).toContain('No training step has been recorded yet.');
    expect(figuresOf(source).size).toBe(0);
  });

  it('folds panels away and stays small with many layers, experts and steps', () => {
    const source = renderReport([makeRun({ steps: 701, layers: 23, experts: 41, evalEvery: 211 })]);
    expect(htmlProblems(source)).toEqual([]);
    expect(source).toContain('<summary>15 more layers</summary>');
    expect(source).toContain('layer 22');
    expect(source.length).toBeLessThan(1.5e6);
  });

  it('lays several runs on top of each other and compares them in a table', () => {
    const runs = [
      makeRun({ steps: 97, evalEvery: 31 }),
      makeRun({ steps: 61, evalEvery: 31, learningRate: 1e-3, balancing: 'batch-aux', imbalance: 0.5 }),
    ];
    const source = renderReport(runs);
    expect(htmlProblems(source)).toEqual([]);
    expectCharts(source, [...shared, ...schedules, ...own, 'expert-load-1']);
    const loss = figuresOf(source).get('train-loss') ?? '';
    expect(loss).toContain('var(--series-0)');
    expect(loss).toContain('var(--series-1)');
    expect(loss).toContain('tiny (2)');
    expect(csvOf(loss)).toMatch(/^step,tiny: every step,tiny: held-out,tiny \(2\): every step,tiny \(2\): held-out\n/);
    expect(source).toContain('<th scope="row">learningRate</th><td>0.003</td><td>0.001</td>');
    const comparison = source.slice(source.indexOf('Comparison of the runs'), source.indexOf('id="loss"'));
    expect(comparison).not.toContain('>hiddenSize<');
    expect(comparison).toMatch(
      /MaxVio per batch.*?<td><strong>[\d.]+<\/strong><span class="sr"> \(best\)<\/span><\/td><td>/,
    );
  });

  it('labels a logarithmic axis that spans decades, and stays linear for values that do not', () => {
    const norm = (run: ReturnType<typeof makeRun>) => figuresOf(renderReport([run])).get('grad-norm') ?? '';
    const long = norm(makeRun({ steps: 211 }));
    expect(long).toContain('L2 norm, log scale');
    expect(long).toMatch(/>0\.5<.*>1<.*>2<.*>5</s);
    expect(norm(makeRun({ steps: 3 }))).not.toContain('log scale');
  });

  it('asks for a run when there is none', () => {
    expect(() => renderReport([])).toThrow(UserError);
  });
});
