// What the declarations of commands have in common: options, and how a result is printed.

import type { Command } from 'commander';
import { presetNames } from '../../config/presets.ts';
import { type CommandOutput, printOutput } from '../output.ts';

export const specHelp = 'corpora and files: moby-dick, moby-dick:2,code:1, notes.txt, texts/*.md';

export const backendHelp = 'auto, engine, wasm, cpu, webgpu or tensorflow (the command doctor tries them)';

export type Finish = (exitCode: number) => void;

export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

export function withModelOptions(command: Command): Command {
  return command
    .option('--preset <name>', `settings to start from: ${presetNames.join(', ')} (default: tiny)`)
    .option('--config <file>', 'YAML file of settings, on top of the preset')
    .option('--set <key=value>', 'change one setting; can be repeated', collect);
}

export function withEngineOptions(command: Command): Command {
  return command
    .option('--threads <n>', 'threads of the engine (default: one for each core)')
    .option('--engine-variant <name>', 'binary of the engine (default: the fastest one that works)');
}

export function withBackend(command: Command, whenAbsent = 'auto'): Command {
  return withEngineOptions(command.option('--backend <name>', `${backendHelp} (default: ${whenAbsent})`));
}

export function withJson(command: Command): Command {
  return command.option('--json', 'print one JSON object on standard output, everything else on standard error');
}

/** Runs a command and prints what it hands back; the last argument of an action is the command itself. */
export function output(
  finish: Finish,
  run: () => Promise<CommandOutput>,
  options: { readonly json?: boolean },
): Promise<void> {
  return run().then((result) => finish(printOutput(result, options.json === true)));
}
