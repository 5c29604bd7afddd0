// Tables: the settings of one or several runs, and how several runs compare.

import type { PlanChange } from '../train/plan-changes.ts';
import type { RunSettings } from '../train/run-settings.ts';
import { type Content, type Html, html } from './html.ts';
import { RESULTS, type Result } from './results.ts';
import type { RunData } from './run-data.ts';

/** Results and the settings that differ, one column a run; the best value of a row is bold. */
export function comparisonTable(runs: readonly RunData[]): Html {
  const differing = settingKeys(runs).filter(({ texts }) => new Set(texts).size > 1);
  const results = RESULTS.flatMap((result) => resultRow(result, runs) ?? []);
  return table('Comparison of the runs', runs, [
    groupRow('Results', runs.length),
    ...results,
    groupRow(differing.length > 0 ? 'Settings that differ' : 'All settings are the same', runs.length),
    ...differing.map(({ key, texts }) => row(key, texts)),
  ]);
}

function resultRow({ label, note, better, format, value }: Result, runs: readonly RunData[]): Html | null {
  const values = runs.map(value);
  const known = values.filter((item) => item !== null);
  if (known.length === 0) return null;
  const best = better === null ? null : format(better === 'lower' ? Math.min(...known) : Math.max(...known));
  const tie = known.every((item) => format(item) === best);
  const cells = values.map((item) => {
    if (item === null) return 'none';
    const text = format(item);
    return text === best && !tie ? html`<strong>${text}</strong><span class="sr"> (best)</span>` : text;
  });
  return row(html`${label} <small>${note}</small>`, cells);
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

function table(caption: string, runs: readonly RunData[], rows: readonly Html[]): Html {
  const head =
    runs.length > 1
      ? html`<thead><tr><td></td>${runs.map(({ name }) => html`<th scope="col">${name}</th>`)}</tr></thead>`
      : null;
  return html`<div class="card scroll" role="region" tabindex="0" aria-label="${caption}"><table><caption>${caption}</caption>${head}<tbody>${rows}</tbody></table></div>`;
}

function row(label: Content, cells: readonly Content[]): Html {
  return html`<tr><th scope="row">${label}</th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`;
}

function groupRow(label: string, columns: number): Html {
  return html`<tr class="group"><th scope="colgroup" colspan="${columns + 1}">${label}</th></tr>`;
}
