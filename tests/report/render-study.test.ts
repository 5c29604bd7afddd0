import { describe, expect, it } from 'vitest';
import { renderReport } from '../../src/report/render-report.ts';
import { renderStudy } from '../../src/report/render-study.ts';
import { findChromium } from '../../tools/find-chromium.ts';
import { figuresOf } from '../../tools/report-figures.ts';
import { browserProblems } from './browser-check.ts';
import { makeRun } from './fixture.ts';
import { csvOf, htmlProblems } from './html-check.ts';
import { makeStudy } from './study-fixture.ts';

const eleven = Array.from({ length: 11 }, (_, i) => `some-mechanism-1e-${i}`);
const { results, runs } = makeStudy({ arms: ['bias', 'batch-aux', 'none'], domains: ['prose', 'code', 'math'] });
const page = renderStudy(results, runs);

describe('renderStudy', () => {
  it('draws every chart, each with a title, advice, marks and data', () => {
    const figures = figuresOf(page);
    const shared = [
      'scatter-0',
      'series-0',
      'metric-loss',
      'metric-maxVioGlobal',
      'metric-loss-moby-dick',
      'loss',
      'max-vio',
    ];
    const details = [0, 1, 2].flatMap((arm) => [`expert-load-${arm}`, `expert-bias-${arm}`, `domain-load-${arm}`]);
    expect([...figures.keys()].sort()).toEqual(
      [...shared, 'dead-experts', 'loss-flops', 'loss-seconds', ...details].sort(),
    );
    for (const [name, figure] of figures) {
      expect(figure, name).toMatch(/<svg role="img"[^>]*aria-label="[^"]+"/);
      expect(figure, name).toMatch(/<h3 [^>]*>[^<]+<\/h3>\s*<p class="advice">[^<]+[.]<\/p>/);
      expect(csvOf(figure).split('\n').length, name).toBeGreaterThan(2);
    }
  });

  it('is well-formed HTML that refers to nothing outside itself, and escapes what it shows', () => {
    expect(htmlProblems(page)).toEqual([]);
    expect(page).not.toMatch(/https?:|url\(|@import|<link|<img| src=/);
    expect(page).toContain('Do later arms &lt;b&gt;win&lt;/b&gt;?');
  });

  it('puts verdict, finding and the paper side by side', () => {
    expect(page).toMatch(
      /It falls\. <small>Rule: loss: b minus a is below 0<\/small><\/th><td><strong class="verdict reproduced">reproduced<\/strong><\/td><td>−0\.110 \(−0\.180 to −0\.040\)<\/td><td>0\.006 nats/,
    );
    expect(page).toMatch(/not distinguishable<\/strong><\/td><td>not measured<\/td><td>no figure/);
  });

  it('draws bands from the lowest seed to the highest', () => {
    const csv = csvOf(figuresOf(page).get('series-0') ?? '');
    expect(csv.split('\n').slice(0, 3)).toEqual([
      'arm,"experts off, %",mean,lowest seed,highest seed',
      'bias,0,4.313,4.3,4.326',
      'bias,25,4.613,4.6,4.626',
    ]);
  });

  it('shows loss by FLOPs and seconds only where arms differ in cost', () => {
    const same = { ...results, arms: results.arms.map((arm) => ({ ...arm, flopsPerToken: 1e6 })) };
    expect(figuresOf(renderStudy(same, runs)).has('loss-flops')).toBe(false);
  });

  it('warns of a quick size, of runs that are missing and of a single seed', () => {
    const one = makeStudy({ arms: ['a', 'b'], seeds: 1 });
    const source = renderStudy({ ...one.results, quick: true, plannedRuns: 4 }, one.runs);
    expect(source).toContain('Quick size: this shows that everything works.');
    expect(source).toContain('2 of 4 runs are done.');
    expect(source).toContain('One seed has no interval');
    expect(htmlProblems(source)).toEqual([]);
  });
});

describe('in a browser', () => {
  const chromium = findChromium();
  if (chromium === null) {
    console.warn('\n*** NOT TESTED: reports in a browser\n*** apt-get install chromium\n');
    // A user's machine need not have a browser; CI installs one, so there this never happens.
    it.skip('is not tested: no Chromium on the PATH');
    return;
  }
  const many = makeStudy({ arms: eleven });
  const pages = {
    study: page,
    'study of eleven arms': renderStudy(many.results, many.runs),
    'report of a run': renderReport([makeRun({ domains: ['prose', 'code'] })]),
  };
  const screens = [{ width: 1180 }, { width: 500, dark: true }];

  it.each(Object.entries(pages).flatMap(([name, source]) => screens.map((screen) => [name, screen, source] as const)))(
    '%s has no cut label, no overlap and no empty chart on %j',
    (_name, screen, source) => {
      expect(browserProblems(chromium, source, screen)).toEqual([]);
    },
  );

  it('finds labels that lie on each other, and those that are cut (the check itself)', () => {
    const broken = page.replace(
      /(<text[^>]*>)bias<\/text>/,
      '$1a label much too long for any place in this chart</text>',
    );
    expect(browserProblems(chromium, broken, { width: 1180 }).join()).toMatch(/cut label "a label much too long/);
  });
});
