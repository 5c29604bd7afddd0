// The HTML report of training runs.

import { UserError } from '../../errors.ts';
import { biasFigure } from '../charts/bias-chart.ts';
import { domainLoadFigure, domainLossFigure } from '../charts/domain-charts.ts';
import type { Owner } from '../charts/figure.ts';
import { loadMapFigure } from '../charts/load-map.ts';
import { maxPoints } from '../charts/points.ts';
import { formatCount, formatTime } from '../format.ts';
import { type Content, type Html, html } from '../html.ts';
import { grid, renderPage, type Section } from '../page.ts';
import type { RunData } from '../run-data.ts';
import { describeModel } from './describe-model.ts';
import { balanceCharts, lossCharts, overlayFigures, scheduleCharts, speedCharts } from './run-charts.ts';
import { renderEvaluations } from './evaluations.ts';
import { renderSamples } from './samples.ts';
import { comparisonTable, settingsTables } from './tables.ts';
import { taskCharts } from './task-charts.ts';
import { renderTiles } from './tiles.ts';

/**
 * Renders one HTML document about one run, or about several side by side.
 *
 * Charts without data are left out. Everything that comes from the runs is escaped, and a content security policy lets
 * the page load nothing and run only its own script.
 *
 * @throws UserError without runs.
 */
export function renderReport(runs: readonly RunData[]): string {
  if (runs.length === 0) throw new UserError('report: expected at least one run, found none; name a run folder');
  const named = withDistinctNames(runs);
  return renderPage({
    title: pageTitle(named),
    header: header(named),
    sections: reportSections(named),
    footer: `Curves hold at most ${maxPoints} points per run, spikes included; metrics.jsonl in the run folder has every step.`,
  });
}

function pageTitle(runs: readonly RunData[]): string {
  return `${runs.map(({ name }) => name).join(' vs ')}: TinySeek training report`;
}

/** Runs of the same name get a number, so that legends can tell them apart. */
function withDistinctNames(runs: readonly RunData[]): RunData[] {
  const taken = new Set(runs.map(({ name }) => name));
  const seen = new Set<string>();
  return runs.map((run) => {
    if (!seen.has(run.name)) {
      seen.add(run.name);
      return run;
    }
    let count = 2;
    while (taken.has(`${run.name} (${count})`)) count++;
    const name = `${run.name} (${count})`;
    taken.add(name);
    return { ...run, name };
  });
}

/** More runs than this are described behind a fold. */
const openRuns = 4;

function header(runs: readonly RunData[]): Html {
  const [first] = runs;
  const title = runs.length === 1 && first ? first.name : `${runs.length} training runs compared`;
  const lines = runs.map((run) => runLines(run, runs.length > 1));
  const content =
    runs.length > openRuns ? html`<details><summary>What each run is</summary>${lines}</details>` : html`${lines}`;
  return html`<header><h1>${title}</h1>${content}</header>`;
}

function runLines({ name, settings, metrics }: RunData, several: boolean): Html {
  const { train, backend, createdAt, version } = settings;
  const done = metrics.at(-1)?.step ?? 0;
  const steps = done < train.steps ? `${formatCount(done)} of ${formatCount(train.steps)}` : formatCount(done);
  return html`<p>${several ? html`<b>${name}</b>: ` : null}${describeModel(settings)}.</p>
<p>${steps} ${steps === '1' ? 'step' : 'steps'} on ${train.data}, tokenizer ${train.tokenizer}, balancing ${train.balancing}; backend ${backend}, started ${formatTime(createdAt)}, version ${version}.</p>`;
}

function reportSections(runs: readonly RunData[]): Section[] {
  return [
    { id: 'results', title: 'Results', content: results(runs) },
    {
      id: 'tasks',
      title: 'Answers to problems',
      content: html`${grid(overlayFigures(taskCharts, runs))}${perRun(runs, renderEvaluations)}`,
    },
    {
      id: 'loss',
      title: 'Loss',
      content: grid([...overlayFigures(lossCharts, runs), ...figuresOf(runs, domainLossFigure)]),
    },
    { id: 'samples', title: 'Text samples', content: perRun(runs, renderSamples) },
    {
      id: 'balance',
      title: 'Expert balance',
      content: grid([...overlayFigures(balanceCharts, runs), ...figuresOf(runs, loadMapFigure)]),
    },
    {
      id: 'experts',
      title: 'Experts, layer by layer',
      content: grid([...figuresOf(runs, biasFigure), ...figuresOf(runs, domainLoadFigure)]),
    },
    { id: 'schedules', title: 'Schedules', content: grid(overlayFigures(scheduleCharts, runs)) },
    { id: 'speed', title: 'Gradients and speed', content: grid(overlayFigures(speedCharts, runs)) },
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
