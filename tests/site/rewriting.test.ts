// Pages of the repository as pages of the site: links, the README in two parts, and lessons.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lessonPage } from '../../tools/site/lesson-page.ts';
import { rewriteLinks } from '../../tools/site/links.ts';
import { groupsOf, titleOf } from '../../tools/site/navigation.ts';
import { pageFile, placeOf } from '../../tools/site/places.ts';
import { readmePages } from '../../tools/site/readme-pages.ts';
import { writePages } from '../../tools/site/write-pages.ts';

const root = resolve('.');

describe('links', () => {
  const marked = (text: string) => rewriteLinks(text, (target) => `<${target}>`);

  it('are rewritten in text, with code in their names, over line ends, and in pictures', () => {
    expect(marked('[a](b.md) and [`c`](../d.ts#e)')).toBe('[a](<b.md>) and [`c`](<../d.ts#e>)');
    expect(marked('[two\nlines](b.md)')).toBe('[two\nlines](<b.md>)');
    expect(marked('![a picture](images/a.png)')).toBe('![a picture](<images/a.png>)');
  });

  it('are left alone in code, and where they lead elsewhere or are addresses of the site', () => {
    for (const text of [
      '`[a](b.md)`',
      '``x ` [a](b.md)``',
      '```ts\n[a](b.md)\n```',
      '````md\n```\n[a](b.md)\n```\n````',
    ]) {
      expect(marked(text)).toBe(text);
    }
    for (const target of ['https://arxiv.org/abs/2412.19437', 'mailto:a@b.c', '/docs/data']) {
      expect(marked(`[a](${target})`)).toBe(`[a](${target})`);
    }
  });
});

describe('the place of a file', () => {
  it.each([
    ['README.md', 'text', '/quick-start'],
    ['docs/README.md', 'text', '/docs/'],
    ['docs', 'text', '/docs/'],
    ['docs/data.md', 'text', '/docs/data'],
    ['docs/how-to/serve.md', 'text', '/how-to/serve'],
    ['notebooks/', 'text', '/lessons/'],
    ['notebooks/10-what-it-cost.ipynb', 'lesson', '/lessons/10-what-it-cost'],
    ['notebooks/10-what-it-cost.ts', 'code', '/source/notebooks/10-what-it-cost.ts.html'],
    ['docs/images/lab.png', 'download', '/files/docs/images/lab.png'],
    ['examples', 'folder', '/source/examples/'],
  ])('%s is %s at %s', (file, kind, url) => {
    expect(placeOf(file, root)).toMatchObject({ kind, url });
  });

  it('that does not exist is an error', () => {
    expect(() => placeOf('docs/missing.md', root)).toThrow(/ENOENT/);
  });

  it('gives pages a file, and folders their index', () => {
    expect([pageFile('/docs/data'), pageFile('/docs/')]).toEqual(['docs/data.md', 'docs/index.md']);
  });
});

describe('the README', () => {
  const readme = readFileSync('README.md', 'utf8');

  it('is two pages, with every section on one of them', () => {
    const { quickStart, overview } = readmePages(readme);
    const sections = (text: string) => text.match(/^## .*$/gm) ?? [];
    expect([...sections(quickStart), ...sections(overview)].toSorted()).toEqual(sections(readme).toSorted());
    expect(quickStart).toContain('npm start');
  });

  it('without a section of the quick start is an error', () => {
    expect(() => readmePages(readme.replace('## Talk to it', '## Chat'))).toThrow(/the README has no .*Talk to it/);
  });
});

describe('a lesson', () => {
  const svg = '<svg aria-label="Load of experts"></svg>';
  const ipynb = JSON.stringify({
    cells: [
      { cell_type: 'markdown', source: ['# 4. Balancing\n', '\n', 'Text.'] },
      {
        cell_type: 'code',
        source: ['console.log("```");'],
        outputs: [{ text: ['a\n', 'b\n'] }, { data: { 'image/svg+xml': [svg], 'text/plain': ['█ 1'] } }],
      },
    ],
  });
  const { text, pictures } = lessonPage(ipynb, '04-balancing', '/files/lessons');

  it('keeps prose, code and what was printed', () => {
    expect(text).toContain('# 4. Balancing\n\nText.');
    expect(text).toContain('````ts\nconsole.log("```");\n````');
    expect(text).toContain('```text\na\nb\n```');
  });

  it('shows a chart as a picture with its title, and in characters', () => {
    expect(text).toContain('![Load of experts](/files/lessons/04-balancing-1.svg)');
    expect(text).toContain('```text\n█ 1\n```');
    expect([...pictures]).toEqual([['04-balancing-1.svg', svg]]);
  });
});

describe('menus', () => {
  it('follow the headings and lists of an index', () => {
    const index =
      '# Index\n\n## Train\n\n- [Data](data.md): text\n- [Ops](how-to/op.md#a)\n\n## Use\n\n- [S](../s.md)\n';
    expect(groupsOf(index, 'docs/README.md')).toEqual([
      { text: 'Train', files: ['docs/data.md', 'docs/how-to/op.md'] },
      { text: 'Use', files: ['s.md'] },
    ]);
  });

  it('need titles', () => {
    expect(titleOf('# The `lab`\n')).toBe('The lab');
    expect(() => titleOf('text')).toThrow('has no title');
  });
});

describe('all pages together', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tinyseek-site-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  writePages(root, folder);
  const menus: { text: string; items: { text: string; link: string }[] }[] = JSON.parse(
    readFileSync(join(folder, 'menus.json'), 'utf8'),
  );

  it('have a page for everything in the menus, each once', () => {
    const links = menus.flatMap(({ items }) => items.map(({ link }) => link));
    expect(links.filter((link) => !existsSync(join(folder, pageFile(link))))).toEqual([]);
    expect(new Set(links).size).toBe(links.length);
  });

  it('have the how-to pages and the lessons in the menus', () => {
    const linksOf = (text: string) => menus.find((menu) => menu.text === text)?.items.map(({ link }) => link) ?? [];
    const howTos = ['own-data', 'own-study', 'own-op', 'own-kernel', 'fine-tune', 'serve', 'take-it-elsewhere'];
    expect(linksOf('How to')).toEqual(howTos.map((name) => `/how-to/${name}`));
    expect(linksOf('Lessons').length).toBeGreaterThanOrEqual(7);
  });

  it('open with the sentence of the README', () => {
    const sentence = /^DeepSeek-V3 in miniature.*?\.$/ms.exec(readFileSync('README.md', 'utf8'))![0];
    expect(readFileSync(join(folder, 'index.md'), 'utf8')).toContain(sentence.replaceAll('\n', ' '));
  });
});
