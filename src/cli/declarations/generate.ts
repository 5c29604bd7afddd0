import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { collect, type Finish, output, withBackend, withJson } from './options.ts';
import { withSampling } from './sampling.ts';

export function addGenerate(program: Command, finish: Finish): void {
  const command = program
    .command('generate')
    .summary('continue a prompt')
    .description(
      `Continues a prompt. The text goes to standard output as it comes, what it cost to standard error.
A terminal shows the prompt before the text, dimmed; a file or a pipe gets the text alone.
The prompt is read as the beginning of a document.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .requiredOption(
      '--prompt <text>',
      'the text to continue; - reads it from standard input, without its last newline',
    );
  withJson(
    withBackend(
      withSampling(command)
        .option('--n <count>', 'write so many samples, with the seeds from --seed on')
        .option('--stop <text>', 'end before this text; can be repeated', collect)
        .option(
          '--speculative [k]',
          'let the MTP module draft k tokens for each pass (1 to 3, default: 1), and compare with plain decoding',
        ),
    ),
  )
    .addHelpText(
      'after',
      examples(
        ['generate runs/first --prompt "Call me"', 'a sample, as drawn while training'],
        ['generate runs/first --prompt "Call me" --temperature 0 --speculative', 'the most likely text, sooner'],
        ['generate runs/first --prompt - --n 3 --json < start.txt', 'three samples, for a program'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { generate } = await import('../commands/generate.ts');
      await output(finish, () => generate(checkpoint, options), options);
    });
}
