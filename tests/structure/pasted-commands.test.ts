// Contract: the README's command blocks can be pasted into bash, zsh, cmd.exe and PowerShell, and leave a clone clean.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

/** The lines of the ```sh blocks of a Markdown file. */
function commandsOf(path: string): string[] {
  const blocks = readFileSync(path, 'utf8').matchAll(/^```sh\n(.*?)^```/gms);
  return [...blocks].flatMap(([, body]) => body!.trimEnd().split('\n'));
}

describe.each(['README.md'])('the commands of %s', (path) => {
  const commands = commandsOf(path);

  it('are some', () => expect(commands).not.toHaveLength(0));

  // zsh takes `#` and what follows as arguments and ends a command at `;`; cmd.exe knows no single quotes and no `\` at the
  // end of a line; PowerShell 5 knows no `&&`, and makes two arguments of `a,b` where it stands without quotes.
  it.each(commands)('%s', (command) => {
    expect(command).not.toMatch(/[#;'&|<>$`\\!]/);
    expect(command.replace(/"[^"]*"/g, '')).not.toContain(',');
    for (const [, out] of command.matchAll(/--out[ =](\S+)/g)) expect(out).toMatch(/^runs\//);
  });
});
