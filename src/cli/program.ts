// The command line as a whole.

import { Command } from 'commander';
import { version } from '../version.ts';
import type { AddCommand } from './command.ts';
import { closingHelp, helpSettings } from './help-format.ts';
import { print } from './terminal/print.ts';

/** The commands by name, each loaded when it is needed; in the order of the help. */
const commands: Readonly<Record<string, () => Promise<AddCommand>>> = {
  train: async () => (await import('./commands/train.ts')).trainCommand,
  extend: async () => (await import('./commands/extend.ts')).extendCommand,
  sft: async () => (await import('./commands/sft.ts')).sftCommand,
  pairs: async () => (await import('./commands/pairs.ts')).pairsCommand,
  grpo: async () => (await import('./commands/grpo.ts')).grpoCommand,
  sample: async () => (await import('./commands/sample.ts')).sampleCommand,
  distil: async () => (await import('./commands/distil.ts')).distilCommand,
  eval: async () => (await import('./commands/eval.ts')).evalCommand,
  score: async () => (await import('./commands/score.ts')).scoreCommand,
  generate: async () => (await import('./commands/generate.ts')).generateCommand,
  chat: async () => (await import('./commands/chat.ts')).chatCommand,
  serve: async () => (await import('./commands/serve.ts')).serveCommand,
  lab: async () => (await import('./commands/lab.ts')).labCommand,
  params: async () => (await import('./commands/params.ts')).paramsCommand,
  cost: async () => (await import('./commands/cost.ts')).costCommand,
  doctor: async () => (await import('./commands/doctor.ts')).doctorCommand,
  bench: async () => (await import('./commands/bench.ts')).benchCommand,
  report: async () => (await import('./commands/report.ts')).reportCommand,
  ablate: async () => (await import('./commands/ablate.ts')).ablateCommand,
  cluster: async () => (await import('./commands/cluster/cluster.ts')).clusterCommand,
  data: async () => (await import('./commands/data.ts')).dataCommand,
  export: async () => (await import('./commands/export.ts')).exportCommand,
  import: async () => (await import('./commands/import.ts')).importCommand,
};

const description =
  'Trains DeepSeek-V3 in miniature on your own machine and on real text: multi-head latent attention (MLA), a mixture of experts (DeepSeekMoE), multi-token prediction (MTP).';

/** The command that the arguments begin with, or all of them: for help, or for the one that may have been meant. */
function commandsFor([name = '']: readonly string[]): Promise<AddCommand[]> {
  const named = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return Promise.all((named === undefined ? Object.values(commands) : [named]).map((load) => load()));
}

function createProgram(): Command {
  return new Command('tinyseek')
    .description(description)
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      outputError: (text) => print(process.stderr, [text.trimEnd().replace(/^error: /, 'tinyseek: ')]),
    })
    .configureHelp(helpSettings)
    .addHelpText('after', () => closingHelp());
}

/** Runs the command that the arguments name and returns its exit code; throws what went wrong. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram();
  for (const add of await commandsFor(args)) {
    add(program, (code) => {
      exitCode = code;
    });
  }
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}
