// `tinyseek report`: the HTML report of one or more runs.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainFsErrors } from '../../io/file-system.ts';
import { renderReport } from '../../report/lazy.ts';
import { loadRun } from '../../report/load-run.ts';
import type { CommandOutput } from '../output.ts';

/** Writes the report of the runs and returns where; by default `report.html` in the folder of the first. */
export async function writeReport(runs: readonly string[], out?: string): Promise<string> {
  const page = await renderReport(runs.map(loadRun));
  const path = out ?? join(runs[0] ?? '.', 'report.html');
  explainFsErrors('report: cannot write', path, () => writeFileSync(path, page));
  return path;
}

export async function report(runs: readonly string[], options: { readonly out?: string }): Promise<CommandOutput> {
  const path = await writeReport(runs, options.out);
  return { json: { report: path, runs }, lines: [`Report: ${path}`] };
}
