// The HTML report: one file that needs no network, no server and no JavaScript (a slider uses some, where there is any).

import { createHash } from 'node:crypto';
import { UserError } from '../errors.ts';
import { biasFigure } from './bias-chart.ts';
import { describeModel } from './describe-model.ts';
import { domainLoadFigure, domainLossFigure } from './domain-charts.ts';
import type { Owner } from './figure.ts';
import { formatCount, formatTime } from './format.ts';
import { type Content, Html, html } from './html.ts';
import { loadMapFigure, SLIDER_SCRIPT } from './load-map.ts';
import { MAX_POINTS } from './points.ts';
import { BALANCE_CHARTS, LOSS_CHARTS, overlayFigures, SCHEDULE_CHARTS, SPEED_CHARTS } from './run-charts.ts';
import type { RunData } from './run-data.ts';
import { renderSamples } from './samples.ts';
import { STYLE } from './style.ts';
import { comparisonTable, settingsTables } from './tables.ts';
import { renderTiles } from './tiles.ts';

/**
 * Renders one HTML document about one run, or about several side by side.
 *
 * Charts without data are left out. Everything that comes from the runs is escaped, and a content security policy lets
 * the page load nothing and run only its own script. Throws UserError without runs.
 */
export function renderReport(runs: readonly RunData[]): string {
  if (runs.length === 0) throw new UserError('report: expected at least one run, found none; name a run folder');
  const named = withDistinctNames(runs);
  const sections = reportSections(named).filter(({ content }) => content.source !== '');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${contentSecurityPolicy()}">
<title>${pageTitle(named)}</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
${header(named)}
<nav aria-label="Sections">${sections.map(({ id, title }) => html`<a href="#${id}">${title}</a>`)}</nav>
<main>
${sections.map(({ id, title, content }) => html`<section id="${id}">\n<h2>${title}</h2>\n${content}\n</section>\n`)}
</main>
<footer>Curves hold at most ${MAX_POINTS} points per run, spikes included; metrics.jsonl in the run folder has every step.</footer>
<script>${new Html(SLIDER_SCRIPT)}</script>
</body>
</html>
`.source;
}

/** The page may not load anything; of scripts it may run the one whose hash is given. */
function contentSecurityPolicy(): string {
  const hash = createHash('sha256').update(SLIDER_SCRIPT).digest('base64');
  return `default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`;
}

function pageTitle(runs: readonly RunData[]): string {
  return `${runs.map(({ name }) => name).join(' vs ')}: TinySeek training report`;
}

/** Runs of the same name get a number, so that legends can tell them apart. */
function withDistinctNames(runs: readonly RunData[]): RunData[] {
  const taken = new Map<string, number>();
  return runs.map((run) => {
    const count = (taken.get(run.name) ?? 0) + 1;
    taken.set(run.name, count);
    return count === 1 ? run : { ...run, name: `${run.name} (${count})` };
  });
}

function header(runs: readonly RunData[]): Html {
  const [first] = runs;
  const title = runs.length === 1 && first ? first.name : `${runs.length} training runs compared`;
  return html`<header><h1>${title}</h1>${runs.map((run) => runLines(run, runs.length > 1))}</header>`;
}

function runLines({ name, settings, metrics }: RunData, several: boolean): Html {
  const { train, backend, createdAt, version } = settings;
  const done = metrics.at(-1)?.step ?? 0;
  const steps = done < train.steps ? `${formatCount(done)} of ${formatCount(train.steps)}` : formatCount(done);
  return html`<p>${several ? html`<b>${name}</b>: ` : null}${describeModel(settings)}.</p>
<p>${steps} ${steps === '1' ? 'step' : 'steps'} on ${train.data}, tokenizer ${train.tokenizer}, balancing ${train.balancing}; backend ${backend}, started ${formatTime(createdAt)}, version ${version}.</p>`;
}

interface Section {
  readonly id: string;
  readonly title: string;
  readonly content: Html;
}

function reportSections(runs: readonly RunData[]): Section[] {
  return [
    { id: 'results', title: 'Results', content: results(runs) },
    {
      id: 'loss',
      title: 'Loss',
      content: grid([...overlayFigures(LOSS_CHARTS, runs), ...figuresOf(runs, domainLossFigure)]),
    },
    { id: 'samples', title: 'Text samples', content: perRun(runs, renderSamples) },
    {
      id: 'balance',
      title: 'Expert balance',
      content: grid([...overlayFigures(BALANCE_CHARTS, runs), ...figuresOf(runs, loadMapFigure)]),
    },
    {
      id: 'experts',
      title: 'Experts, layer by layer',
      content: grid([...figuresOf(runs, biasFigure), ...figuresOf(runs, domainLoadFigure)]),
    },
    { id: 'schedules', title: 'Schedules', content: grid(overlayFigures(SCHEDULE_CHARTS, runs)) },
    { id: 'speed', title: 'Gradients and speed', content: grid(overlayFigures(SPEED_CHARTS, runs)) },
    { id: 'settings', title: 'Settings', content: settingsTables(runs) },
  ];
}

function results(runs: readonly RunData[]): Html {
  const [first] = runs;
  if (runs.every(({ metrics }) => metrics.length === 0)) return html`<p>No training step has been recorded yet.</p>`;
  return runs.length === 1 && first ? renderTiles(first) : comparisonTable(runs);
}

/** The figures that each run has for itself, its name in their titles when there are several runs. */
function figuresOf(runs: readonly RunData[], draw: (owner: Owner, run: RunData) => Html | null): (Html | null)[] {
  return runs.map((run, index) => draw({ index, name: runs.length > 1 ? run.name : null }, run));
}

/** What there is one of for each run, under the run's name when there are several. */
function perRun(runs: readonly RunData[], render: (run: RunData, index: number) => Html | null): Html {
  const parts = runs.map((run, index): Content => {
    const content = render(run, index);
    if (content === null || runs.length === 1) return content;
    return html`<h3 class="run">${run.name}</h3>${content}`;
  });
  return html`${parts}`;
}

function grid(figures: readonly (Html | null)[]): Html {
  const present = figures.filter((figure) => figure !== null);
  return present.length > 0 ? html`<div class="grid">${present}</div>` : html``;
}
