import { beforeAll, describe, expect, it } from 'vitest';
import { bandFigure } from '../../src/report/charts/band-chart.ts';
import { intervalFigure } from '../../src/report/charts/interval-chart.ts';
import { renderReport } from '../../src/report/run/render-report.ts';
import { renderStudy } from '../../src/report/study/render-study.ts';
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

  it('puts verdict, corrected verdict, finding and the paper side by side', () => {
    expect(page).toContain(
      'It falls. <small>Rule: loss: b minus a is below 0</small></th>' +
        '<td><strong class="verdict reproduced">reproduced</strong> <small>p = 0.02</small></td>' +
        '<td><strong class="verdict not-distinguishable">not distinguishable</strong> <small>p = 0.06</small></td>' +
        '<td>−0.110 (−0.180 to −0.040)</td><td>0.006 nats',
    );
    expect(page).toContain('<strong class="verdict contradicted">contradicted</strong> <small>p &lt; 0.0001</small>');
    expect(page).toMatch(
      /not distinguishable<\/strong> <small>p = 1<\/small><\/td><td>not measured<\/td><td>no figure/,
    );
    expect(page).toContain('<th scope="col">corrected for 3 claims</th>');
    expect(page).toContain('count 3 claims (Holm&#39;s method): the chance that even one of them is decided wrongly');
  });

  it('gives the reason in place of a verdict, and has no column for verdicts without any', () => {
    const reason = 'No verdict: the rule needs 3 seeds, and only 2 can be compared.';
    const unjudged = results.verdicts.map((row) => ({ ...row, verdict: null, reason }));
    const some = renderStudy({ ...results, verdicts: [results.verdicts[0]!, unjudged[1]!] }, runs);
    expect(some).toMatch(/It rises\. <small>.*<\/th><td colspan="2"><small>No verdict: the rule needs 3 seeds/);
    expect(some).toContain('<a href="#claims">Verdicts</a>');
    const none = renderStudy({ ...results, verdicts: unjudged }, runs);
    expect(none).toContain(`<p class="notice">${reason}</p>`);
    expect(none).toContain('<a href="#claims">Claims</a>');
    expect(none).toMatch(/It rises\. <small>Rule: [^<]*<\/small><\/th><td>−0\.110 \(−0\.180 to −0\.040\)<\/td>/);
    expect(none.match(/No verdict/g)).toHaveLength(1);
  });

  it('gives both ends of an interval that is cut, and says so', () => {
    const cut = { mean: 0.12, low: 0, high: 0.347, n: 3, isCut: true };
    const arms = results.arms.map((arm, i) => (i === 1 ? { ...arm, cells: [{ value: cut, difference: cut }] } : arm));
    const source = renderStudy({ ...results, arms }, runs);
    expect(source).toContain('<td>0.120 [0.000, 0.347] <small>+0.120 [0.000, 0.347]</small></td>');
    expect(source).toContain('In brackets: both ends of an interval that is cut.');
    expect(page).not.toContain('In brackets');
    expect(figuresOf(source).get('metric-loss')).toContain('<p>Some bars end early, at the least or the most');
    expect(figuresOf(page).get('metric-loss')).not.toContain('<figcaption><p>');
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
    const source = renderStudy({ ...one.results, verdicts: [], quick: true, plannedRuns: 4 }, one.runs);
    expect(source).toContain('Quick size: its runs are far too short to tell arms apart.');
    expect(source).toContain('2 of 4 runs are done.');
    expect(source).toContain('One seed has no interval');
    expect(htmlProblems(source)).toEqual([]);
  });
});

describe('the bars of a metric', () => {
  /** A study in which the loss of arm `a` has this interval; its seeds go from 4.3 to 4.326. */
  function figureOf(low: number, high: number): string {
    const { results } = makeStudy({ arms: ['a', 'b'] });
    const [first, ...others] = results.arms;
    const value = { mean: 4.313, low, high, n: 3 };
    const arms = [{ ...first!, cells: [{ value, difference: null }] }, ...others];
    return intervalFigure({ ...results, arms }, 0)!.source;
  }
  const arrows = (figure: string) => [...figure.matchAll(/rotate\((-?90)\)/g)].map(([, turn]) => turn);

  it.each([
    [4.2, 4.4, []],
    [-9, 4.4, ['-90']],
    [4.2, 99, ['90']],
    [-9, 99, ['-90', '90']],
  ])('from %d to %d end in arrows where the chart ends before they do: %j', (low, high, turns) => {
    const figure = figureOf(low, high);
    expect(arrows(figure)).toEqual(turns);
    expect(figure.includes('An arrow: the interval reaches beyond the chart')).toBe(turns.length > 0);
    for (const end of [low, high].filter((value) => Math.abs(value) > 5))
      expect(figure).toMatch(new RegExp(`<title>a: (?:down|up) to ${String(end).replace('-', '\u2212')}</title>`));
  });

  it('are drawn inside the chart', () => {
    const figure = figureOf(-9, 99);
    const links = /aria-label="link"[\s\S]*?<\/g>/.exec(figure)?.[0] ?? '';
    const xs = [...links.matchAll(/[ML](-?[\d.]+),/g)].map(([, x]) => Number(x));
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(14);
    expect(Math.max(...xs)).toBeLessThanOrEqual(440);
  });
});

describe('a chart with nothing to show', () => {
  const one = makeStudy({ arms: ['a', 'b'], seeds: 1 });
  const [first] = one.results.arms;

  it('is left out: dots of a single run, bands and series of a single point', () => {
    const alone = {
      ...one.results,
      arms: [first!],
      series: one.results.series.map((series) => ({ ...series, points: series.points.slice(0, 1) })),
    };
    const metrics = one.runs[0]![0]!.metrics.filter(({ step }) => step === 31);
    const source = renderStudy(alone, [[{ ...one.runs[0]![0]!, metrics }]]);
    expect([...figuresOf(source).keys()]).toEqual(['expert-load-0']);
    expect(htmlProblems(source)).toEqual([]);
  });

  it('does not go below zero for numbers that are all zero', () => {
    const points = [0, 1].map((x) => ({ x, low: 0, mean: 0, high: 0 }));
    const chart = { id: 'x', title: 'x', advice: 'x.', xLabel: 'step', yLabel: 'experts', zero: true };
    const { source } = bandFigure({ ...chart, bands: [{ name: 'a', arm: 0, points }] })!;
    expect(source).not.toContain('\u2212');
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
  const arms = many.results.arms.map((arm) => ({
    ...arm,
    cells: arm.cells.map(({ difference, value }) => ({ difference, value: value && { ...value, low: -99, high: 99 } })),
  }));
  const ten = Array.from({ length: 10 }, (_, i) => makeRun({ name: `a-run-${i}`, steps: 61, brotli: 2 + i / 9 }));
  const pages = {
    study: page,
    'study of eleven arms': renderStudy(many.results, many.runs),
    'study with intervals beyond its charts': renderStudy({ ...many.results, arms }, many.runs),
    'report of a run': renderReport([makeRun({ domains: ['prose', 'code'] })]),
    'report of a run of one step': renderReport([makeRun({ steps: 1, domains: ['prose', 'code'] })]),
    'report of ten runs of different text': renderReport(ten),
  };
  const broken = page.replace(
    /(<text[^>]*>)bias<\/text>/,
    '$1a label much too long for any place in this chart</text>',
  );

  describe.each([
    { width: 1180, dark: false },
    { width: 500, dark: true },
  ])('%j', (screen) => {
    let seen: ReturnType<typeof browserProblems>;
    beforeAll(() => {
      seen = browserProblems(chromium, { ...pages, broken }, screen);
    });

    it.each(Object.keys(pages))('%s has no cut label, no overlap and no empty chart', (name) => {
      expect(seen.get(name)).toEqual({ ...screen, problems: [] });
    });

    it('finds labels that lie on each other, and those that are cut (the check itself)', () => {
      expect(seen.get('broken')?.problems.join()).toMatch(/cut label "a label much too long/);
    });
  });
});
