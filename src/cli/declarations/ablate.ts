import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, withJson } from './options.ts';

export function addAblate(program: Command, finish: Finish): void {
  const command = program
    .command('ablate')
    .summary('run a study: arms x seeds, intervals, verdicts')
    .description(
      `Runs a study, its arms side by side, and judges its claims by the rules they were written with.
Ctrl-C keeps everything; the same command goes on where it stopped.`,
    )
    .argument('[study]', 'name of a study, or a .yaml, .ts or .js file with one of your own')
    .option('--list', 'list the studies')
    .option('--quick', 'a size for trying it out, a minute or two: numbers and no verdicts')
    .option('--seeds <n>', 'seeds of each arm (default: those of the study, mostly 3; quick: 2)')
    .option('--steps <n>', 'optimizer steps of a run (default: those of the study)')
    .option('--out <dir>', 'folder of the study (default: runs/ablate-<study>)')
    .option('--threads <n>', 'runs side by side, one thread each (default: one for each core)');
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['ablate --list', 'what there is'],
        ['ablate balance --quick', 'see one work'],
        ['ablate balance', 'the full size, 3 seeds'],
        ['ablate my-study.yaml --seeds 5', 'a study of your own'],
      ),
    )
    .action(async (study, options) => {
      const { ablate } = await import('../commands/ablate.ts');
      await output(finish, () => ablate(study, options), options);
    });
}
