import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, withBackend } from './options.ts';

export function addServe(program: Command, finish: Finish): void {
  const command = program
    .command('serve')
    .summary('serve a checkpoint over HTTP, as the OpenAI API does')
    .description(
      `Serves a checkpoint over HTTP with the OpenAI API: /v1/models, /v1/completions, /v1/chat/completions.
Ctrl-C stops it. The API: docs/serve.md.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--host <address>', 'address to listen on; there is no password, so think before you open it', '127.0.0.1')
    .option('--port <n>', 'port to listen on; 0 takes a free one', '8000')
    .option('--slots <n>', 'answers generated at the same time', '32')
    .option('--max-queue <n>', 'answers that may wait for a slot; more are sent away (status 429)', '256')
    .option('--max-tokens <n>', 'tokens of an answer at most', '4096')
    .option('--max-body <bytes>', 'size of a request at most', '1000000')
    .option('--timeout <seconds>', 'time an answer may take, waiting included', '300');
  withBackend(command)
    .addHelpText(
      'after',
      examples(
        ['serve runs/first', 'at http://127.0.0.1:8000/v1'],
        ['serve runs/first --port 0 --slots 4 --max-tokens 200', 'on a free port, with less at once'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { serve } = await import('../commands/serve.ts');
      await serve(checkpoint, options);
      finish(0);
    });
}
