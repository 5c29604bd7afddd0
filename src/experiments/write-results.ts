// The results of a study as files: JSON with everything, CSV with every number of every run, Markdown for reading.

import { join } from 'node:path';
import { jsonText } from '../io/json.ts';
import { replaceFile } from '../io/replace-file.ts';
import { renderStudy } from '../report/lazy.ts';
import { loadRun } from '../report/load-run.ts';
import type { StudyResults } from '../report/study-results.ts';
import { resultsMarkdown } from './results-markdown.ts';

export interface ResultFiles {
  readonly json: string;
  readonly csv: string;
  readonly markdown: string;
  readonly report: string;
}

/** Writes `results.json`, `results.csv`, `results.md` and `report.html` into `out`, over those that are there. */
export async function writeResults(results: StudyResults, out: string): Promise<ResultFiles> {
  const files = {
    json: join(out, 'results.json'),
    csv: join(out, 'results.csv'),
    markdown: join(out, 'results.md'),
    report: join(out, 'report.html'),
  };
  // A procedure leaves curves in the results, and no run of its own.
  const runs = results.arms.map((arm) => arm.runs.flatMap(({ dir, curves }) => (curves ? [] : [loadRun(dir)])));
  write(files.json, jsonText(results));
  write(files.csv, resultsCsv(results));
  write(files.markdown, resultsMarkdown(results));
  write(files.report, await renderStudy(results, runs));
  return files;
}

function write(path: string, content: string): void {
  replaceFile(path, content, 'study');
}

/** One line for each run; a field is empty if the run does not have that number. */
export function resultsCsv({ arms }: StudyResults): string {
  const runs = arms.flatMap((arm) => arm.runs.map((run) => ({ arm: arm.name, ...run })));
  const keys = [...new Set(runs.flatMap(({ measured }) => Object.keys(measured)))];
  const rows = runs.map(({ arm, seed, measured }) => [arm, seed, ...keys.map((key) => measured[key] ?? '')]);
  return [['arm', 'seed', ...keys], ...rows].map((row) => `${row.join(',')}\n`).join('');
}
