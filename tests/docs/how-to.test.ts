// The how-to pages as something to follow. That their commands do well is checked by `npm run how-tos`, which follows
// them; here it is what can be seen without.

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stepsOf } from '../../tools/how-to/steps.ts';
import { pages } from './markdown.ts';

const howTos = pages.filter((page) => page.startsWith('docs/how-to/'));
const steps = new Map(howTos.map((page) => [page, stepsOf(readFileSync(page, 'utf8'))]));

describe('the how-to pages', () => {
  it.each(howTos)('%s is short, has commands, and ends with where to go on', (page) => {
    const text = readFileSync(page, 'utf8');
    expect(text.split('\n').length).toBeLessThan(140);
    expect(steps.get(page)!.some(({ kind }) => kind === 'command')).toBe(true);
    expect(text.slice(text.lastIndexOf('\n## '))).toMatch(/\]\(\.\.\//);
  });

  it('use every file that they ask for, in a command or in another file', () => {
    const all = [...steps.values()].flat();
    const texts = all.map((step) => (step.kind === 'command' ? step.line : step.text));
    const unused = all.filter((step) => step.kind === 'file' && !texts.some((text) => text.includes(step.name)));
    expect(unused).toEqual([]);
  });

  it('do not write into the run folder of another page', () => {
    const outs = [...steps.values()]
      .flat()
      .flatMap((step) =>
        step.kind === 'command' ? [...step.line.matchAll(/--out (\S+)/g)].map(([, out]) => out) : [],
      );
    expect(outs.length).toBeGreaterThan(5);
    expect(new Set(outs).size).toBe(outs.length);
  });
});

describe('the steps of a page', () => {
  it('are files that are named before their text, and commands', () => {
    const page = 'Save this\nas `a.ts`:\n\n```ts\nx;\n```\n\n```sh\nnode a.ts\nnode b.ts\n```\n\n```text\nout\n```\n';
    expect(stepsOf(page)).toEqual([
      { kind: 'file', name: 'a.ts', text: 'x;\n' },
      { kind: 'command', line: 'node a.ts' },
      { kind: 'command', line: 'node b.ts' },
    ]);
  });

  it('need a name for code that is no output', () => {
    expect(() => stepsOf('Text.\n\n```ts\nx;\n```\n')).toThrow('a block of ts has no name');
  });
});
