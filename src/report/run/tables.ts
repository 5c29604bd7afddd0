// Tables: the settings of one or several runs, and how several runs compare.

import type { PlanChange } from '../../train/plan-changes.ts';
import type { RunSettings } from '../../train/run-settings.ts';
import { enumerate } from '../format.ts';
import { type Content, type Html, html } from '../html.ts';
import type { RunData } from '../run-data.ts';
import { whyIncomparable } from './comparable.ts';
import { runResults, type Result } from './results.ts';

/**
 * Results and the settings that differ, one column a run; the best value of a row is bold where values can be compared.
 */
export function comparisonTable(runs: readonly RunData[]): Html {
  const differing = settingKeys(runs).filter(({ key, texts }) => key !== 'createdAt' && new Set(texts).size > 1);
  const rows = runResults.map((result) => compare(result, runs)).filter(({ known }) => known.length > 0);
  const results = rows.map(({ result, cells }) => row(html`${result.label} <small>${result.note}</small>`, cells));
  return table(
    'Comparison of the runs',
    runs,
    [
      groupRow('Results', runs.length),
      ...results,
      groupRow(differing.length > 0 ? 'Settings that differ' : 'All settings are the same', runs.length),
      ...differing.map(({ key, texts }) => row(key, texts)),
    ],
    whyNoBest(rows),
  );
}

interface Comparison {
  readonly result: Result;
  /** One a run. */
  readonly cells: readonly Content[];
  /** The runs that have the number. */
  readonly known: readonly RunData[];
  /** Why no cell is marked, where one would be if the runs could be compared. */
  readonly reason: string | null;
}

function compare(result: Result, runs: readonly RunData[]): Comparison {
  const { best, format, value } = result;
  const values = runs.map(value);
  const texts = values.map((found) => (found === null ? 'none' : format(found)));
  const found = values.filter((item) => item !== null);
  const known = runs.filter((_, i) => values[i] !== null);
  const plain = { result, cells: texts, known, reason: null };
  const differ = new Set(found.map(format)).size > 1;
  if (best === null || !differ) return plain;
  const reason = whyIncomparable(known, best.among);
  if (reason !== null) return { ...plain, reason };
  const winner = format(best.better === 'lower' ? Math.min(...found) : Math.max(...found));
  const cells = texts.map((text) =>
    text === winner ? html`<strong>${text}</strong><span class="sr"> (best)</span>` : text,
  );
  return { ...plain, cells };
}

/** A sentence for each reason, with the rows it is about. */
function whyNoBest(rows: readonly Comparison[]): Html | null {
  const reasons = [...new Set(rows.flatMap(({ reason }) => reason ?? []))];
  if (reasons.length === 0) return null;
  const sentences = reasons.map((reason) => {
    const labels = rows.filter((candidate) => candidate.reason === reason).map(({ result }) => result.label);
    return `No best is marked for ${enumerate(labels)}: ${reason}.`;
  });
  return html`<p class="advice">${sentences.join(' ')}</p>`;
}

/** Every setting of every run. */
export function settingsTables(runs: readonly RunData[]): Html {
  const rows = settingKeys(runs);
  const parts = [
    { caption: 'Run', group: 'run' },
    { caption: 'Model', group: 'model' },
    { caption: 'Training', group: 'train' },
  ];
  return html`<div class="${runs.length > 1 ? 'stack' : 'columns'}">${parts.map(({ caption, group }) =>
    table(
      caption,
      runs,
      rows.filter((item) => item.group === group).map(({ key, texts }) => row(key, texts)),
    ),
  )}</div>`;
}

interface Setting {
  readonly group: string;
  readonly key: string;
  /** One a run. */
  readonly texts: readonly string[];
}

function settingKeys(runs: readonly RunData[]): Setting[] {
  const groups: { group: string; of: (settings: RunSettings) => object }[] = [
    {
      group: 'run',
      of: ({ backend, createdAt, version, parameters, activeParameters, init, planChanges = [] }) => ({
        ...{ backend, createdAt, version, parameters, activeParameters },
        ...(init === undefined ? {} : { init: init.path }),
        ...(planChanges.length === 0 ? {} : { planChanges: planChanges.map(planChangeText).join('; ') }),
      }),
    },
    { group: 'model', of: ({ model }) => model },
    { group: 'train', of: ({ train }) => train },
  ];
  return groups.flatMap(({ group, of }) => {
    const records = runs.map(({ settings }) => new Map<string, unknown>(Object.entries(of(settings))));
    const keys = [...new Set(records.flatMap((record) => [...record.keys()]))];
    return keys.map((key) => ({ group, key, texts: records.map((record) => settingText(record.get(key))) }));
  });
}

/** `300 to 600 steps at step 300, schedules extended`. */
function planChangeText({ atStep, from, to, schedule }: PlanChange): string {
  return `${from} to ${to} steps at step ${atStep}, schedules ${schedule}`;
}

function settingText(value: unknown): string {
  if (value === undefined) return 'not set';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function table(caption: string, runs: readonly RunData[], rows: readonly Html[], below: Html | null = null): Html {
  const head =
    runs.length > 1
      ? html`<thead><tr><td></td>${runs.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>`
      : null;
  return html`<div class="card scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption>${head}<tbody>${rows}</tbody></table>${below}</div>`;
}

function row(label: Content, cells: readonly Content[]): Html {
  return html`<tr><th scope="row">${label}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
}

function groupRow(label: string, columns: number): Html {
  return html`<tr class="group"><th scope="colgroup" colspan="${columns + 1}">${label}</th></tr>`;
}
