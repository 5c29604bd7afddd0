import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/known-bugs.md', 'utf8');

/** The section of each bug by its number. */
const sections = new Map(page.split(/^## /m).map((section) => [/^B\d+/.exec(section)?.[0] ?? '', section]));

const files = globSync(['src/**/*.ts', 'tests/**/*.{ts,py}', 'tools/**/*.ts'], { ignore: ['src/engine/wasm/**'] });
const sources = files.map((path) => ({ path, text: readFileSync(path, 'utf8') }));

describe('docs/known-bugs.md', () => {
  it('explains every number that code and tests refer to, and no other', () => {
    const used = new Set(sources.flatMap(({ text }) => text.match(/\bB\d+\b/g) ?? []));
    const explained = [...sections.keys()].filter((key) => key !== '');
    expect(explained.toSorted()).toEqual([...used].toSorted());
  });

  it('says of each what the mistake is, where it was made, what it does, and what is right here', () => {
    for (const [bug, section] of sections) {
      if (bug === '') continue;
      for (const part of ['Where', 'Effect', 'Right here']) expect(section, bug).toContain(`\n- **${part}:** `);
    }
  });

  it('links every test that is named after a bug', () => {
    const named = sources.flatMap(({ path, text }) => {
      return [...text.matchAll(/\bit\(\s*'(B\d+): /g)].map(([, bug]) => ({ path, bug: bug ?? '' }));
    });
    expect(named.length).toBeGreaterThan(15);
    const own = named.filter(({ path }) => !path.startsWith('tests/experiments/'));
    expect(own.filter(({ path, bug }) => !sections.get(bug)?.includes(`](../${path})`))).toEqual([]);
  });
});
