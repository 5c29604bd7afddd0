// `tinyseek report`: the HTML report of one or more runs.

import { defineCommand } from '../command.ts';
import { jsonOption } from '../common-options.ts';

export const reportCommand = defineCommand({
  name: 'report',
  summary: 'write the HTML report of one or more runs',
  description: 'Writes one HTML file with the curves and tables of one run, or of several side by side.',
  arguments: [{ syntax: '<run...>', help: 'run folders' }],
  options: [
    { flags: '--out <file>', help: 'where to write it (default: report.html in the first run folder)' },
    jsonOption,
  ],
  examples: [
    ['report runs/first', 'one run'],
    ['report runs/with-bias runs/without --out compare.html', 'two runs in one page'],
  ],
  run: async (runs, { out }) => {
    const { writeReport } = await import('../write-report.ts');
    const path = await writeReport(runs, out);
    return { json: { report: path, runs }, lines: [`Report: ${path}`] };
  },
});
