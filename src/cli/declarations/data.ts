import type { Command } from 'commander';
import { type Finish, output, specHelp, withJson } from './options.ts';

export function addData(program: Command, finish: Finish): void {
  const data = program
    .command('data')
    .summary('look at corpora')
    .description('Lists, shows and tokenizes corpora.')
    .helpCommand(false);
  withJson(data.command('list').description('list the built-in corpora')).action(async (options) => {
    const { listData } = await import('../commands/data.ts');
    await output(finish, () => listData(), options);
  });
  withJson(
    data.command('show').description('show the size and the beginning of a corpus').argument('<spec>', specHelp),
  ).action(async (spec, options) => {
    const { showData } = await import('../commands/data.ts');
    await output(finish, () => showData(spec), options);
  });
  withJson(
    data
      .command('tokenize')
      .description('count the tokens of a corpus')
      .argument('<spec>', specHelp)
      .option('--tokenizer <spec>', 'bytes, bpe:1024, r50k_base, r50k_base:1024 or a tokenizer.json', 'bpe:1024'),
  ).action(async (spec, options) => {
    const { tokenizeData } = await import('../commands/data.ts');
    await output(finish, () => tokenizeData(spec, options.tokenizer), options);
  });
}
