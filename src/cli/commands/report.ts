// `tinyseek report`: the HTML report of one or more runs.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainFsErrors } from '../../io/file-system.ts';
import { loadRun } from '../../report/load-run.ts';
import { renderReport } from '../../report/render-report.ts';
import type { CommandOutput } from '../output.ts';

/** Writes the report of the runs and returns where; by default `report.html` in the folder of the first. */
export function writeReport(runs: readonly string[], out?: string): string {
  const page = renderReport(runs.map(loadRun));
  const path = out ?? join(runs[0] ?? '.', 'report.html');
  explainFsErrors('report: cannot write', path, () => writeFileSync(path, page));
  return path;
}

export async function report(runs: readonly string[], options: { readonly out?: string }): Promise<CommandOutput> {
  const path = writeReport(runs, options.out);
  return { json: { report: path, runs }, lines: [`Report: ${path}`] };
}
