// The HTML report of a study: claims first, with their verdicts, then the numbers, then the pictures they come from.

import { bandFigure } from '../charts/band-chart.ts';
import { intervalFigure } from '../charts/interval-chart.ts';
import { metricMapFigures } from '../charts/metric-map.ts';
import { scatterFigure } from '../charts/scatter-chart.ts';
import { formatTime } from '../format.ts';
import { type Content, type Html, html } from '../html.ts';
import { grid, renderPage } from '../page.ts';
import type { MetricCell, StudyResults, Verdict, VerdictRow } from '../study-results.ts';
import { type ArmRuns, armDetails, balanceFigures, curveFigure, lossFigures } from './study-charts.ts';
import {
  caveats,
  changeText,
  claimsNote,
  claimsTitle,
  costCells,
  correctedTitle,
  hasCutIntervals,
  hasVerdicts,
  intervalCount,
  intervalText,
  pText,
  rangeText,
  seedsAndMachine,
} from './study-text.ts';

/** Renders one HTML document. `runs` are those of `results.arms`, in the same order. */
export function renderStudy(results: StudyResults, runs: ArmRuns): string {
  const { title, metrics, scatters, series, curves = [], heatMaps = [] } = results;
  return renderPage({
    title: `${title}: TinySeek study`,
    header: header(results),
    sections: [
      { id: 'claims', title: claimsTitle(results), content: claims(results) },
      { id: 'numbers', title: 'Results by arm', content: armTable(results) },
      {
        id: 'pictures',
        title: 'Arms compared',
        content: grid([
          ...scatters.map((_, i) => scatterFigure(results, i)),
          ...series.map((_, i) => seriesFigure(results, i)),
          ...heatMaps.flatMap((map, i) => metricMapFigures(results, map, `map-${i}`)),
          ...metrics.map((_, i) => intervalFigure(results, i)),
        ]),
      },
      {
        id: 'curves',
        title: 'Over the run',
        content: grid([
          ...curves.map((chart, i) => curveFigure(results, chart, `curve-${i}`)),
          ...lossFigures(results, runs),
          ...balanceFigures(results, runs),
        ]),
      },
      { id: 'experts', title: 'Experts of each arm, seed 0', content: armDetails(results, runs) },
      { id: 'runs', title: 'What was run', content: whatWasRun(results) },
    ],
    footer:
      'results.json, results.csv and results.md beside this file have the same numbers; runs/ has every step of every run.',
  });
}

function header(results: StudyResults): Html {
  const { title, question, source, equal } = results;
  return html`<header><h1>${title}</h1><p>${question}</p>
<p>${source === '' ? null : `Source: ${source}. `}${equal}</p>
${caveats(results).map((warning) => html`<p class="notice">${warning}</p>`)}</header>`;
}

function table(caption: string, head: readonly Content[], rows: readonly Html[]): Html {
  return html`<div class="card scroll" role="region" tabindex="0" aria-label="${caption}"><table class="study"><caption>${caption}</caption><thead><tr>${head.map((cell) => html`<th scope="col">${cell}</th>`)}</tr></thead><tbody>${rows}</tbody></table></div>`;
}

function verdictCell(verdict: Verdict, pValue: number): Html {
  return html`<td><strong class="verdict ${verdict.replace(' ', '-')}">${verdict}</strong> <small>${pText(pValue)}</small></td>`;
}

/** The verdict for the claim alone, then the corrected one; or in the place of both, why there is none. */
function verdictCells(row: VerdictRow): Html {
  if (row.verdict === null) return html`<td colspan="2"><small>${row.reason}</small></td>`;
  return html`${verdictCell(row.verdict, row.pValue)}${verdictCell(row.holm.verdict, row.holm.pValue)}`;
}

/** Without verdicts, of what is found alone. */
function claims(results: StudyResults): Html {
  const { verdicts, paper } = results;
  if (verdicts.length === 0) return html``;
  const isJudged = hasVerdicts(results);
  const rows = verdicts.map(
    (row) =>
      html`<tr><th scope="row">${row.claim} <small>Rule: ${row.rule}</small></th>${isJudged ? verdictCells(row) : null}<td>${row.found === null ? 'not measured' : rangeText(row.found)}</td><td>${row.paper ?? 'no figure'}</td></tr>`,
  );
  const head = [
    'claim',
    ...(isJudged ? ['verdict', correctedTitle(results)] : []),
    'found here (95 % interval)',
    'paper',
  ];
  const figures = paper.length === 0 ? null : html`<p>The paper: ${paper.join(' ')}</p>`;
  const note = html`<p><small>${claimsNote(results)}</small></p>`;
  return html`${table('Claims, written before the run', head, rows)}${note}${figures}`;
}

function cell({ value, difference }: MetricCell): Html {
  if (value === null) return html`<td>none</td>`;
  const change = difference === null ? null : html` <small>${changeText(difference)}</small>`;
  return html`<td>${intervalText(value)}${change}</td>`;
}

function armTable(results: StudyResults): Html {
  const { metrics, arms, statistics } = results;
  const head = [
    'arm',
    ...metrics.map(({ label, unit }) => html`${label}${unit === null ? null : html` <small>${unit}</small>`}`),
  ];
  const rows = arms.map(
    ({ label, name, cells }) => html`<tr><th scope="row">${label} <small>${name}</small></th>${cells.map(cell)}</tr>`,
  );
  return html`${table('Mean over seeds, and difference from the first arm', head, rows)}<p><small>${statistics}; ${intervalCount(results)} intervals.${hasCutIntervals(results) ? ' In brackets: both ends of an interval that is cut.' : null}</small></p>`;
}

function seriesFigure({ series, arms }: StudyResults, index: number): Html | null {
  const found = series[index];
  if (found === undefined) return null;
  const bands = arms.map(({ name, runs }, arm) => ({
    name,
    arm,
    points: found.points.flatMap(({ x, metric }) => {
      const values = runs.flatMap(({ measured }) => measured[metric] ?? []);
      if (values.length === 0) return [];
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      return [{ x, mean, low: Math.min(...values), high: Math.max(...values) }];
    }),
  }));
  return bandFigure({ ...found, id: `series-${index}`, bands, dots: true });
}

function whatWasRun(results: StudyResults): Html {
  const { arms, command, createdAt } = results;
  const rows = arms.map(
    (arm) =>
      html`<tr><th scope="row">${arm.label} <small>${arm.changes.join(', ')}</small></th>${costCells(arm).map((text) => html`<td>${text}</td>`)}</tr>`,
  );
  const head = ['arm', 'seeds', 'steps', 'tokens', 'parameters', 'active', 'FLOPs', 'wall clock'];
  return html`${table('Cost of a run', head, rows)}
<p>${seedsAndMachine(results)}; ${formatTime(createdAt)}. Wall clock includes evaluations, with other runs at its side.</p>
<p>Repeat it:</p><pre class="text">${command}</pre>`;
}
