// The commands; `declarations` has the options and the help of each. What a command does is imported when it is called, so
// that help, and the commands that compute nothing, never load TF.js.

import { createRequire } from 'node:module';
import { Command } from 'commander';
import { addAblate } from './declarations/ablate.ts';
import { addBench } from './declarations/bench.ts';
import { addChat } from './declarations/chat.ts';
import { addData } from './declarations/data.ts';
import { addDoctor } from './declarations/doctor.ts';
import { addEval } from './declarations/eval.ts';
import { addExport } from './declarations/export.ts';
import { addGenerate } from './declarations/generate.ts';
import { addImport } from './declarations/import.ts';
import { addParams } from './declarations/params.ts';
import { addReport } from './declarations/report.ts';
import { addScore } from './declarations/score.ts';
import { addServe } from './declarations/serve.ts';
import { addTrain } from './declarations/train.ts';
import type { Finish } from './declarations/options.ts';
import { closingHelp, helpSettings } from './help-format.ts';
import { print } from './terminal/print.ts';

const { version }: { readonly version: string } = createRequire(import.meta.url)('../../package.json');

const description =
  'Trains DeepSeek-V3 in miniature on your own machine and on real text: multi-head latent attention (MLA), a mixture of experts (DeepSeekMoE), multi-token prediction (MTP).';

/** The whole command line, not yet parsed; `finish` receives the exit code of the command that ran. */
function createProgram(finish: Finish): Command {
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
    addTrain,
    addEval,
    addScore,
    addGenerate,
    addChat,
    addServe,
    addParams,
    addDoctor,
    addBench,
    addReport,
    addAblate,
    addData,
    addExport,
    addImport,
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
