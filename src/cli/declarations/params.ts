import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, withJson, withModelOptions } from './options.ts';

export function addParams(program: Command, finish: Finish): void {
  const command = program
    .command('params')
    .summary('count parameters, cache and FLOPs of a model')
    .description('Counts the parameters, the key/value cache and the FLOPs per token of a model, without building it.');
  withJson(withModelOptions(command))
    .addHelpText(
      'after',
      examples(
        ['params', 'preset tiny'],
        ['params --preset deepseek-v3', 'the released model'],
        ['params --set nRoutedExperts=32 --set kvLoraRank=48', 'what a change costs'],
      ),
    )
    .action(async (options) => {
      const { params } = await import('../commands/params.ts');
      await output(finish, () => params(options), options);
    });
}
