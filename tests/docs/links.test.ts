import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages, readPage } from './markdown.ts';

/** What is wrong with a link, nothing if it leads somewhere. Links out of the repository are not followed. */
function problemOf(page: string, link: string): string[] {
  if (/^(https?|mailto):/.test(link)) return [];
  const [path = '', anchor] = decodeURI(link).split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(target)) return [`${link}: there is no ${target}`];
  if (anchor === undefined) return [];
  if (!target.endsWith('.md')) return [`${link}: only pages have anchors`];
  return readPage(target).anchors.has(anchor) ? [] : [`${link}: ${target} has no heading for #${anchor}`];
}

describe('links', () => {
  it.each(pages)('of %s lead to files and headings that exist', (page) => {
    expect(readPage(page).links.flatMap((link) => problemOf(page, link))).toEqual([]);
  });

  it('that lead nowhere are found', () => {
    for (const link of ['missing.md', '#missing', 'engine.md#missing', '../src/index.ts#L1']) {
      expect(problemOf('docs/studies.md', link)).toHaveLength(1);
    }
    expect(problemOf('docs/studies.md', '#how-claims-are-judged')).toEqual([]);
  });
});

describe('the index of docs/', () => {
  it('has every page', () => {
    const { links } = readPage('docs/README.md');
    const others = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(others.filter((page) => !links.includes(page.slice('docs/'.length)))).toEqual([]);
  });
});
