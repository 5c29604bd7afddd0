import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, withJson } from './options.ts';

export function addReport(program: Command, finish: Finish): void {
  const command = program
    .command('report')
    .summary('write the HTML report of one or more runs')
    .description('Writes one HTML file with the curves and tables of one run, or of several side by side.')
    .argument('<run...>', 'run folders')
    .option('--out <file>', 'where to write it (default: report.html in the first run folder)');
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['report runs/first', 'one run'],
        ['report runs/with-bias runs/without --out compare.html', 'two runs in one page'],
      ),
    )
    .action(async (runs, options) => {
      const { report } = await import('../commands/report.ts');
      await output(finish, () => report(runs, options), options);
    });
}
