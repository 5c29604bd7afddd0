// The HTML report of runs, as a file.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainFsErrors } from '../io/file-system.ts';
import { renderReport } from '../report/lazy.ts';
import { loadRun } from '../report/load-run.ts';

/** Writes the report of the runs and returns where; by default `report.html` in the folder of the first. */
export async function writeReport(runs: readonly string[], out?: string): Promise<string> {
  const page = await renderReport(runs.map(loadRun));
  const path = out ?? join(runs[0] ?? '.', 'report.html');
  explainFsErrors('report: cannot write', path, () => writeFileSync(path, page));
  return path;
}
