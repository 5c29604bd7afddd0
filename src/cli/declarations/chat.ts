import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, withBackend } from './options.ts';
import { withSampling } from './sampling.ts';

export function addChat(program: Command, finish: Finish): void {
  const command = program
    .command('chat')
    .summary('talk to a model')
    .description(
      `Talks to a model, with the whole conversation as its prompt. Lines that begin with / are commands: try /help.
Ctrl-C stops an answer, Ctrl-D leaves. A model without a chat template gets a transcript to carry on.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint');
  withBackend(
    withSampling(command)
      .option('--system <text>', 'a text before the conversation')
      .option('--speculative [k]', 'let the MTP module draft k tokens for each pass (1 to 3, default: 1)'),
  )
    .addHelpText('after', examples(['chat runs/first', 'the newest checkpoint of a run']))
    .action(async (checkpoint, options) => {
      const { chat } = await import('../commands/chat.ts');
      finish(await chat(checkpoint, options));
    });
}
