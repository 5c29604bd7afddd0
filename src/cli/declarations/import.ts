import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, withJson } from './options.ts';

export function addImport(program: Command, finish: Finish): void {
  const command = program
    .command('import')
    .summary('turn a Hugging Face folder into a checkpoint')
    .description(
      `Reads a deepseek_v3 folder (F32, BF16, F16 or block-scaled FP8; in one file or sharded) and writes it as a checkpoint.`,
    )
    .argument('<dir>', 'folder with config.json, tokenizer.json and model.safetensors or its index')
    .requiredOption('--out <dir>', 'checkpoint folder to write; it must not exist yet, or be empty');
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['import tiny-random-deepseek-v3 --out imported', 'into a folder for the other commands'],
        ['score imported --text "Once upon a time"', 'see it work'],
      ),
    )
    .action(async (source, options) => {
      const { importFolder } = await import('../commands/import.ts');
      await output(finish, async () => importFolder(source, options.out), options);
    });
}
