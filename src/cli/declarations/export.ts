import { type Command, Option } from 'commander';
import { loaderNames } from '../../interchange/loader-names.ts';
import { examples } from '../help-format.ts';
import { collect, type Finish, output, withJson } from './options.ts';

export function addExport(program: Command, finish: Finish): void {
  const command = program
    .command('export')
    .summary('write a checkpoint for other programs')
    .description(
      `Writes a checkpoint as a Hugging Face folder with a model card, for transformers, vLLM, SGLang and torchtitan.
With --check, says first what one of them would refuse; with --check and without --out, only that.`,
    )
    .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
    .option('--out <dir>', 'folder to write; it must not exist yet, or be empty')
    .option('--dtype <name>', 'format of the weights: f32, bf16 or f16', 'f32')
    .option('--shard-size <size>', 'most bytes of weights in one file, such as 200MB', '5GB')
    .addOption(
      new Option('--format <name>', 'torchtitan adds its flavour and training settings')
        .choices(['hf', 'torchtitan'])
        .default('hf'),
    )
    .option('--no-mtp', 'leave out the MTP module, which transformers lists as unexpected and does not use')
    .option('--check <program>', `${loaderNames.join(', ')}; can be repeated`, collect);
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['export runs/first --out whale --dtype bf16', 'for transformers'],
        ['export runs/first --check vllm --check sglang', 'could they serve it?'],
        ['export runs/first --out cluster --format torchtitan', 'to go on training elsewhere'],
      ),
    )
    .action(async (checkpoint, options) => {
      const { exportCheckpoint } = await import('../commands/export.ts');
      await output(finish, async () => exportCheckpoint(checkpoint, options), options);
    });
}
