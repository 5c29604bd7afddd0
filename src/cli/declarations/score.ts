import { type Command, Option } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, withBackend, withJson } from './options.ts';

export function addScore(program: Command, finish: Finish): void {
  const command = program
    .command('score')
    .summary('probability of each token of a text')
    .description('Prints the natural-log probability of each token given those before it.')
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--text <text>', 'the text to score')
    .addOption(new Option('--ids <ids>', 'token ids instead of a text, separated by commas').conflicts('text'));
  withJson(withBackend(command))
    .addHelpText(
      'after',
      examples(
        ['score runs/first --text "Call me Ishmael."', 'a text'],
        ['score runs/first --ids 12,7,101 --json', 'token ids'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { score } = await import('../commands/score.ts');
      await output(finish, () => score(checkpoint, options), options);
    });
}
