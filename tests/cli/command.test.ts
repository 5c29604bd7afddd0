import { Command } from 'commander';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { type AddCommand, defineCommand, defineGroup } from '../../src/cli/command.ts';
import { collect } from '../../src/cli/common-options.ts';
import type { ArgumentsOf, OptionsOf } from '../../src/cli/declared-types.ts';

const options = [
  { flags: '--out <dir>', help: 'a folder', isRequired: true },
  { flags: '--top-k <n>', help: 'a number', default: '40' },
  { flags: '--format <name>', help: 'one of two', choices: ['hf', 'torchtitan'] },
  { flags: '--speculative [k]', help: 'a value that may be left out' },
  { flags: '--no-mtp', help: 'true without it' },
  { flags: '--stop <text>', help: 'can be repeated', parse: collect },
  { flags: '--json', help: 'no value', conflicts: ['format'] },
] as const;

/** Runs a command line and returns the exit code that it ends with. */
async function exitCodeOf(add: AddCommand, args: readonly string[]): Promise<number | undefined> {
  const program = new Command('program').exitOverride();
  let exitCode: number | undefined;
  add(program, (code) => {
    exitCode = code;
  });
  await program.parseAsync(args, { from: 'user' });
  return exitCode;
}

/** What `run` is given for a command line. */
async function given(args: readonly string[]): Promise<unknown> {
  let received: unknown;
  const add = defineCommand({
    name: 'copy',
    description: 'copies',
    arguments: [
      { syntax: '<source>', help: 'from' },
      { syntax: '[others...]', help: 'and from' },
    ],
    options,
    run: async (...all) => {
      received = all;
      return undefined;
    },
  });
  expect(await exitCodeOf(add, ['copy', ...args])).toBe(0);
  return received;
}

describe('a declared command', () => {
  it('receives its arguments, and its options by their names', async () => {
    const args = [
      'a',
      'b',
      'c',
      '--out',
      'd',
      '--top-k',
      '7',
      '--speculative',
      '--no-mtp',
      '--stop',
      'x',
      '--stop',
      'y',
    ];
    const named = { out: 'd', topK: '7', speculative: true, mtp: false, stop: ['x', 'y'] };
    expect(await given(args)).toEqual(['a', ['b', 'c'], named]);
  });

  it('has the defaults of the options that were not given, and nothing of the others', async () => {
    expect(await given(['a', '--out', 'd'])).toEqual(['a', [], { out: 'd', topK: '40', mtp: true }]);
  });

  it('ends with the exit code of what it returns, also inside a group', async () => {
    const fails = defineCommand({
      name: 'fail',
      description: 'fails',
      options: [],
      run: async () => ({ json: {}, lines: [], exitCode: 3 }),
    });
    const group = defineGroup({ name: 'group', summary: 'a group', description: 'a group', commands: [fails] });
    expect(await exitCodeOf(group, ['group', 'fail'])).toBe(3);
  });
});

describe('the types of a declared command', () => {
  it('are those of its options', () => {
    expectTypeOf<OptionsOf<typeof options>>().toEqualTypeOf<
      { readonly out: string; readonly topK: string; readonly mtp: boolean } & {
        readonly format?: 'hf' | 'torchtitan';
        readonly speculative?: string | true;
        readonly stop?: readonly string[];
        readonly json?: boolean;
      }
    >();
  });

  it('are those of its arguments', () => {
    type Declared = [{ syntax: '<a>'; help: '' }, { syntax: '[b]'; help: '' }, { syntax: '<c...>'; help: '' }];
    expectTypeOf<ArgumentsOf<Declared>>().toEqualTypeOf<readonly [string, string | undefined, readonly string[]]>();
  });

  it('let no wrong use of an option or an argument compile', () => {
    defineCommand({
      name: 'copy',
      description: 'copies',
      arguments: [{ syntax: '[source]', help: 'from' }],
      options,
      run: async (source, given) => {
        // @ts-expect-error: no such option
        given.topk;
        // @ts-expect-error: text, and not a number
        given.topK.toFixed();
        // @ts-expect-error: it may not have been given
        given.stop.length;
        // @ts-expect-error: not one of the choices
        given.format satisfies 'gguf' | undefined;
        // @ts-expect-error: true if it was given without a value
        given.speculative satisfies string | undefined;
        // @ts-expect-error: it may be absent
        source.length;
        return undefined;
      },
    });
  });
});
