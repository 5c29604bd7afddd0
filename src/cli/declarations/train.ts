import { type Command, Option } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, specHelp, withBackend, withJson, withModelOptions } from './options.ts';

export function addTrain(program: Command, finish: Finish): void {
  const command = program
    .command('train')
    .summary('train a model')
    .description(
      `Trains a model and writes a run folder: metrics, checkpoints (Hugging Face deepseek_v3 model folders) and a report.
Ctrl-C writes a checkpoint and says how to go on.`,
    );
  withBackend(
    withModelOptions(command)
      .option('--data <spec>', specHelp)
      .option('--steps <n>', 'optimizer steps of the whole run')
      .option('--batch-size <n>', 'sequences per step')
      .option('--seq-len <n>', 'tokens per sequence')
      .option('--seed <n>', 'seed of the weights and of the data order')
      .option('--precision <name>', 'float32, or fp8: products of 8-bit numbers, emulated'),
    'auto; resuming: that of the run',
  )
    .option('--out <dir>', 'run folder (default: runs/<preset>-<data>-<time>)')
    .option('--init <dir>', 'start from the weights of a run, a checkpoint or a Hugging Face folder, not from scratch')
    .addOption(
      new Option(
        '--resume <dir>',
        'carry on with the run in this folder, to its planned end, or with --steps to another',
      ).conflicts(['out', 'init']),
    )
    .option(
      '--keep-schedule',
      'with --resume and --steps: let the last learning rate go on, rather than lay the schedules anew',
    );
  withJson(command)
    .addHelpText(
      'after',
      examples(
        ['train', 'the quick start: preset tiny on Moby Dick'],
        ['train --data notes.txt --steps 500', 'your own text'],
        ['train --preset mini --data moby-dick:2,code:1 --set balancing=none', 'two corpora mixed, no balancing'],
        ['train --resume runs/first', 'carry on where a run stopped'],
        ['train --resume runs/first --steps 600', 'go on longer'],
        ['train --init runs/first --data notes.txt', 'its weights, your text'],
      ),
    )
    .action(async (options) => {
      const { train } = await import('../commands/train.ts');
      await output(finish, () => train(options), options);
    });
}
