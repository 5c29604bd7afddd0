// The HTML report of runs, as a file.

import { closeSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { explainFsErrors } from '../io/file-system.ts';
import { openRegularFile } from '../io/regular-file.ts';
import { replaceFile } from '../io/replace-file.ts';
import { renderReport } from '../report/lazy.ts';
import { loadRun } from '../report/load-run.ts';

/** Writes the report of the runs and returns where; by default `report.html` in the folder of the first. */
export async function writeReport(runs: readonly string[], out?: string): Promise<string> {
  return writePage(out ?? join(runs[0] ?? '.', 'report.html'), () => renderReport(runs.map(loadRun)));
}

/** Writes a report that `render` makes, and returns where; a file that is there and is no report is refused first. */
export async function writePage(path: string, render: () => Promise<string>): Promise<string> {
  const found = explainFsErrors('report: cannot write', path, () => statSync(path, { throwIfNoEntry: false }));
  if (found?.isFile() === true) refuseOther(path);
  const page = await render();
  const isDevice = found !== undefined && !found.isFile(); // such as /dev/stdout
  if (isDevice) explainFsErrors('report: cannot write', path, () => writeFileSync(path, page));
  else replaceFile(path, page, 'report');
  return path;
}

/** How every report begins, up to the policy of its content. */
const start =
  /^<!doctype html>\n<html lang="en">\n<head>\n[\s\S]{0,300}<meta http-equiv="Content-Security-Policy" content="default-src /;

/** A file that is no report is somebody's work. */
function refuseOther(path: string): void {
  const fd = openRegularFile(path, 'report: cannot read');
  try {
    const bytes = Buffer.alloc(1000);
    const length = explainFsErrors('report: cannot read', path, () => readSync(fd, bytes, 0, bytes.length, 0));
    if (length === 0 || start.test(bytes.toString('utf8', 0, length))) return;
  } finally {
    closeSync(fd);
  }
  throw new UserError(`report: ${path} is there and is no report; choose another file with --out, or delete it`);
}
