// Keeps docs/results.md in step with full-size studies.
//
//   node tools/results-page.ts runs/ablate-balance runs/ablate-mtp   takes over results.json and pictures of these
//   node tools/results-page.ts                                       writes the tables again from what was taken over
//
// What stands between `<!-- study NAME -->` and `<!-- end NAME -->` is written by this program. Everything else is
// written by hand, but for the numbers: `results-prose.ts` fills them in, in the README as well.
// Pictures are charts of the study's report, photographed in Chromium. `npm run format` afterwards.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { StudyResults } from '../src/report/study-results.ts';
import { findChromium } from './find-chromium.ts';
import { figuresOf } from './report-figures.ts';
import { fillNumbers } from './results-prose.ts';
import { kept, readKept, resultsPage } from './results-text.ts';

const page = 'docs/results.md';
const width = 920;

/** Which charts of its report make the picture of a study. */
const pictures: Readonly<Record<string, readonly string[]>> = {
  balance: ['max-vio', 'scatter-0'],
  'balance-scope': ['domain-load-0', 'domain-load-2'],
  experts: ['series-0', 'metric-loss'],
  mtp: ['metric-loss', 'metric-acceptance-moby-dick'],
  attention: ['scatter-0', 'metric-loss'],
  'node-limit': ['scatter-0', 'metric-nodesMean'],
  precision: ['series-0', 'metric-loss'],
  outliers: ['metric-loss', 'metric-plantedError'],
  'init-and-schedule': ['loss', 'metric-loss'],
  'moe-vs-dense': ['loss-flops', 'metric-loss'],
  'break-it': ['metric-loadedLoss', 'metric-acceptance'],
  grpo: ['curve-0', 'curve-1'],
  cluster: ['scatter-0', 'metric-hoursPlain'],
  reward: ['curve-0', 'curve-1'],
  'mtp-after': ['metric-acceptance', 'metric-passAt1'],
  distil: ['scatter-0', 'curve-0'],
  'long-context': ['map-0-0', 'map-0-5', 'series-0', 'series-1'],
};

/** Copies what a study found; where its runs are is told from its own folder. */
function keep(folder: string): string {
  const results: StudyResults = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8'));
  const arms = results.arms.map((arm) => ({
    ...arm,
    runs: arm.runs.map((run) => ({ ...run, dir: relative(folder, run.dir) })),
  }));
  writeFileSync(join(kept, `${results.name}.json`), `${JSON.stringify({ ...results, arms }, rounded, 2)}\n`);
  return results.name;
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(9)) : value;
}

function photograph(chromium: string, folder: string, name: string): void {
  const report = readFileSync(join(folder, 'report.html'), 'utf8');
  const [, style = ''] = /<style>([\s\S]*?)<\/style>/.exec(report) ?? [];
  const figures = figuresOf(report);
  const chosen = (pictures[name] ?? []).map((chart) => {
    const source = figures.get(chart);
    if (source === undefined) throw new Error(`${folder}/report.html has no chart ${chart}`);
    return source.replace(/<a class="download"[\s\S]*?<\/a>/, '').replace('<figcaption></figcaption>', '');
  });
  const scratch = mkdtempSync(join(tmpdir(), 'tinyseek-picture-'));
  const file = join(scratch, 'picture.html');
  const body = `<body style="padding: 10px"><div class="grid">${chosen.join('')}</div>`;
  const tell = '<script>document.title = document.documentElement.getBoundingClientRect().height</script>';
  writeFileSync(file, `<!doctype html><meta charset="utf-8"><title></title><style>${style}</style>${body}${tell}`);
  const run = (...flags: string[]) =>
    spawnSync(chromium, [...browserFlags(scratch), ...flags, `file://${file}`], { encoding: 'utf8', maxBuffer: 1e8 });
  const [, height] = /<title>([\d.]+)<\/title>/.exec(run(`--window-size=${width},2000`, '--dump-dom').stdout) ?? [];
  if (height === undefined) throw new Error('Chromium did not render the picture');
  const size = `--window-size=${width},${Math.ceil(Number(height))}`;
  run(size, '--force-device-scale-factor=1.5', `--screenshot=${join(process.cwd(), kept, `${name}.png`)}`);
  rmSync(scratch, { recursive: true, force: true, maxRetries: 10 });
}

function browserFlags(scratch: string): string[] {
  return [
    ...['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
    ...['--blink-settings=preferredColorScheme=1', `--user-data-dir=${join(scratch, 'profile')}`],
  ];
}

const folders = process.argv.slice(2);
const chromium = findChromium();
for (const folder of folders) {
  if (chromium === null) throw new Error('pictures need a Chromium');
  const name = keep(folder);
  photograph(chromium, folder, name);
  console.log(`${kept}/${name}.json, ${kept}/${name}.png`);
}
const all = readKept();
writeFileSync(page, resultsPage(readFileSync(page, 'utf8'), all));
writeFileSync('README.md', fillNumbers(readFileSync('README.md', 'utf8'), all));
console.log(`${page}, README.md`);
