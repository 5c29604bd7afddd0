import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, withBackend, withJson } from './options.ts';

export function addEval(program: Command, finish: Finish): void {
  const command = program
    .command('eval')
    .summary('measure a checkpoint on held-out text')
    .description('Measures a checkpoint on held-out text: loss, perplexity, bits per byte, expert load.')
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--data <spec>', 'corpora and files (default: what the checkpoint was trained on)');
  withJson(withBackend(command))
    .addHelpText(
      'after',
      examples(
        ['eval runs/first', 'the newest checkpoint of a run'],
        ['eval runs/first --data code --json', 'on other text, for a program'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { evaluateCheckpoint } = await import('../commands/eval.ts');
      await output(finish, () => evaluateCheckpoint(checkpoint, options), options);
    });
}
