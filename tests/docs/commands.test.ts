import { describe, expect, it } from 'vitest';
import { pages, readPage } from './markdown.ts';

const commands = pages
  .filter((page) => page === 'README.md' || (page.startsWith('docs/') && page !== 'docs/log.md'))
  .flatMap((page) => {
    const blocks = readPage(page).codeBlocks.filter(({ language }) => language === 'sh');
    return blocks.flatMap(({ text }) => text.split('\n').map((line) => ({ page, line })));
  });

/**
 * What bash, zsh, cmd.exe and PowerShell read in different ways outside of double quotes (PowerShell makes a list of
 * `a,b`), and what even there. A block that only bash can read is marked `bash`.
 */
const differsUnquoted = /['#;&|<>\\$`%^!@*,(){}]|^\w+=/;
const differsQuoted = /[$`%!\\']/;

describe('commands in the README and docs/', () => {
  it('can be pasted into any shell', () => {
    expect(commands.length).toBeGreaterThan(20);
    const wrong = ({ line }: { readonly line: string }) =>
      differsUnquoted.test(line.replaceAll(/"[^"]*"/g, '')) || differsQuoted.test(line);
    expect(commands.filter(wrong)).toEqual([]);
    expect(['a # b', "a 'b'", 'a b,c', 'A=b c', 'a *.md', 'a "$b"'].filter((line) => !wrong({ line }))).toEqual([]);
  });

  it('start a program, and write under runs/ what they write', () => {
    for (const { line } of commands) {
      expect(line).toMatch(/^(npx tinyseek|npm|node|curl) /);
      for (const [, out] of line.matchAll(/--out (\S+)/g)) expect(out).toMatch(/^runs\//);
      if (line.startsWith('npx tinyseek train')) expect(line).toContain(' --out ');
    }
  });
});
