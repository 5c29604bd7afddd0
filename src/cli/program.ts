// The whole command line: all commands, in the order of the help.

import { createRequire } from 'node:module';
import { Command } from 'commander';
import { ablateCommand } from './commands/ablate.ts';
import { benchCommand } from './commands/bench.ts';
import { chatCommand } from './commands/chat.ts';
import { dataCommand } from './commands/data.ts';
import { doctorCommand } from './commands/doctor.ts';
import { evalCommand } from './commands/eval.ts';
import { exportCommand } from './commands/export.ts';
import { generateCommand } from './commands/generate.ts';
import { importCommand } from './commands/import.ts';
import { paramsCommand } from './commands/params.ts';
import { reportCommand } from './commands/report.ts';
import { scoreCommand } from './commands/score.ts';
import { serveCommand } from './commands/serve.ts';
import { trainCommand } from './commands/train.ts';
import { closingHelp, helpSettings } from './help-format.ts';
import { print } from './terminal/print.ts';

const { version }: { readonly version: string } = createRequire(import.meta.url)('../../package.json');

const description =
  'Trains DeepSeek-V3 in miniature on your own machine and on real text: multi-head latent attention (MLA), a mixture of experts (DeepSeekMoE), multi-token prediction (MTP).';

/** The whole command line, not yet parsed; `finish` receives the exit code of the command that ran. */
function createProgram(finish: (exitCode: number) => void): Command {
  const program = new Command('tinyseek')
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
  for (const add of [
    trainCommand,
    evalCommand,
    scoreCommand,
    generateCommand,
    chatCommand,
    serveCommand,
    paramsCommand,
    doctorCommand,
    benchCommand,
    reportCommand,
    ablateCommand,
    dataCommand,
    exportCommand,
    importCommand,
  ])
    add(program, finish);
  return program;
}

/** Runs the command that the arguments name and returns its exit code; throws what went wrong. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}
