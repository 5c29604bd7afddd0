import type { Command } from 'commander';
import { examples } from '../help-format.ts';
import { type Finish, output, withBackend, withEngineOptions, withJson, withModelOptions } from './options.ts';

export function addBench(program: Command, finish: Finish): void {
  const bench = program
    .command('bench')
    .summary('measure how fast this machine trains and writes')
    .description('Measures training steps, decoding and kernels on this machine.')
    .helpCommand(false);
  withJson(
    withBackend(
      withModelOptions(
        bench
          .command('step')
          .description('time whole optimizer steps on random tokens: median, tokens per second, GFLOP/s, memory'),
      )
        .option('--batch-size <n>', 'sequences per step')
        .option('--seq-len <n>', 'tokens per sequence')
        .option('--steps <n>', 'steps to time, after a warm-up (default: at least 15, for 2 seconds)'),
    ),
  )
    .addHelpText(
      'after',
      examples(
        ['bench step --preset peer-a', 'the size of the PyTorch comparison'],
        ['bench step --threads 1 --set nRoutedExperts=32', 'what a change costs'],
      ),
    )
    .action(async (options) => {
      const { benchStep } = await import('../commands/bench.ts');
      await output(finish, () => benchStep(options), options);
    });
  withJson(
    withBackend(
      bench
        .command('generate')
        .description('time decoding with and without drafts of the MTP module, on held-out text of each domain')
        .argument('<checkpoint>', 'checkpoint folder, or a run folder for its newest checkpoint')
        .option('--data <spec>', 'corpora and files (default: what the checkpoint was trained on)')
        .option('--prompts <n>', 'prompts of each domain (default: 8)')
        .option('--max-new-tokens <n>', 'tokens to write after each (default: 128)')
        .option('--temperature <x>', 'draw instead of taking the most likely token (default: 0)')
        .option('--speculative <k>', 'drafts for each pass, 1 to 3 (default: 1)'),
    ),
  ).action(async (checkpoint, options) => {
    const { benchGenerate } = await import('../commands/bench.ts');
    await output(finish, () => benchGenerate(checkpoint, options), options);
  });
  withJson(
    withEngineOptions(bench.command('ops').description('time the kernels of the engine, each by itself')),
  ).action(async (options) => {
    const { benchOps } = await import('../commands/bench.ts');
    await output(finish, () => benchOps(options), options);
  });
}
