// A command is declared in one place: its arguments, its options, its help and what it does. `run` receives what was
// declared, with the types of it.
//
// What a command computes with is imported in `run`, when it is called: help has to be there at once, and the commands
// that compute nothing never load TF.js.

import { type Command, Option } from 'commander';
import type { ArgumentDeclaration, ArgumentsOf, OptionDeclaration, OptionsOf } from './declared-types.ts';
import { type Example, examples, joinLines } from './help-format.ts';
import { type CommandOutput, printOutput } from './output.ts';

/** Adds a command to the program, or to the command that it is a part of; `finish` receives its exit code. */
export type AddCommand = (parent: Command, finish: (exitCode: number) => void) => void;

interface CommandDeclaration<
  Arguments extends readonly ArgumentDeclaration[],
  Options extends readonly OptionDeclaration[],
> {
  readonly name: string;
  /** Its line in the list of commands, where that is not the description. */
  readonly summary?: string;
  readonly description: string;
  readonly arguments?: Arguments;
  readonly options: Options;
  readonly examples?: readonly Example[];
  /** Returns what is to be printed, unless it has printed everything itself. */
  readonly run: (...given: [...ArgumentsOf<Arguments>, OptionsOf<Options>]) => Promise<CommandOutput | undefined>;
}

interface GroupDeclaration {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly commands: readonly AddCommand[];
}

function createOption({ flags, help, isRequired = false, ...declared }: OptionDeclaration): Option {
  const option = new Option(flags, help).makeOptionMandatory(isRequired);
  if (declared.choices !== undefined) option.choices(declared.choices);
  if (declared.default !== undefined) option.default(declared.default);
  if (declared.conflicts !== undefined) option.conflicts([...declared.conflicts]);
  if (declared.parse !== undefined) option.argParser(declared.parse);
  return option;
}

export function defineCommand<
  const Arguments extends readonly ArgumentDeclaration[] = [],
  const Options extends readonly OptionDeclaration[] = [],
>(declared: CommandDeclaration<Arguments, Options>): AddCommand {
  return (parent, finish) => {
    const command = parent.command(declared.name).description(joinLines(declared.description));
    if (declared.summary !== undefined) command.summary(declared.summary);
    for (const { syntax, help } of declared.arguments ?? []) command.argument(syntax, help);
    for (const option of declared.options) command.addOption(createOption(option));
    if (declared.examples !== undefined) command.addHelpText('after', examples(declared.examples));
    command.action(async () => {
      await import('../node.ts'); // not before: help asks nothing of it
      const given = command.processedArgs as ArgumentsOf<Arguments>;
      const output = await declared.run(...given, command.opts<OptionsOf<Options>>());
      finish(output === undefined ? 0 : printOutput(output, command.getOptionValue('json') === true));
    });
  };
}

/** A command that only holds others: `tinyseek data list`. */
export function defineGroup({ name, summary, description, commands }: GroupDeclaration): AddCommand {
  return (parent, finish) => {
    const group = parent.command(name).summary(summary).description(joinLines(description)).helpCommand(false);
    for (const add of commands) add(group, finish);
  };
}
