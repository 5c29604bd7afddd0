import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { displayWidth } from '../../src/cli/terminal/cells.ts';
import { runCli, runInResident, temporaryFolder } from './run-cli.ts';

const temporary = temporaryFolder();

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

/**
 * Whether a line may be wider than the terminal: one that begins with a wider word, or a command, which is there to be
 * copied.
 */
function mayOverflow(line: string, columns: number): boolean {
  const [firstWord = ''] = /^ *\S*/.exec(line) ?? [];
  return displayWidth(firstWord) > columns || /^ *`?(npx tinyseek|node) /.test(line);
}

describe('in a terminal of any width', () => {
  it.each<[string, string[]]>([
    ['a list', ['ablate', '--list']],
    ['another list', ['data', 'list']],
    ['a table', ['params', '--preset', 'deepseek-v3']],
    ['the help', ['--help']],
    ['the help of a command', ['generate', '--help']],
    ['an error', ['train', '--preset', 'tny']],
    ['an error with a command to copy', ['ablate']],
    ['wrong usage', ['trian']],
  ])('no word of %s is broken, no command either, and none is lost: %j', async (_, args) => {
    const piped = await runCli(args, { cwd: temporary.path });
    for (const columns of [20, 40, 80]) {
      const shown = await runInResident(args, { cwd: temporary.path, columns, env: { NO_COLOR: '1' } });
      expect(shown.code).toBe(piped.code);
      for (const stream of ['stdout', 'stderr'] as const) {
        expect([columns, words(shown[stream])]).toEqual([columns, words(piped[stream])]);
        const tooWide = shown[stream].split('\n').filter((line) => displayWidth(line) > columns);
        expect([columns, tooWide.filter((line) => !mayOverflow(line, columns))]).toEqual([columns, []]);
      }
    }
  });

  it('a file gets lines that are not broken', async () => {
    const { stderr } = await runCli(['train', '--preset', 'tny'], { cwd: temporary.path });
    expect(stripVTControlCharacters(stderr)).toMatch(
      /^tinyseek: config: there is no preset "tny".*deepseek-v2-lite\n$/,
    );
  });
});
