// Writes the pages that the generator reads: those of the repository, with their links turned into addresses of the
// site. A file that a page links to gets a page or a copy too, so that no link leads out of the site.

import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { lessonPage } from './lesson-page.ts';
import { rewriteLinks } from './links.ts';
import { groupsOf, titleOf } from './navigation.ts';
import { overview, type Place, pageFile, placeOf, quickStart } from './places.ts';
import { readmePages } from './readme-pages.ts';
import { sourcePage } from './source-page.ts';

const startPages = ['README.md', 'docs/README.md', 'notebooks/README.md', 'docs/log.md'];

/** An entry of the sidebar. */
interface MenuItem {
  readonly text: string;
  readonly link: string;
}

interface Menu {
  readonly text: string;
  readonly items: readonly MenuItem[];
}

/** Fills a folder with pages, `menus.json` for the sidebar, and `public` with files; what it had is removed. */
export function writePages(root: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  const readme = readmePages(read('README.md'));
  const known = new Map<string, Place>();
  const waiting: Place[] = [];
  const titles = new Map<string, string>();

  function take(file: string): Place {
    const found = known.get(file);
    if (found !== undefined) return found;
    const place = placeOf(file, root);
    known.set(file, place);
    // The README of a folder is reached by the folder's name too.
    if (place.file !== file) return take(place.file);
    waiting.push(place);
    return place;
  }

  function addressOf(target: string, from: string): string {
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? from : posix.join(posix.dirname(from), decodeURI(path));
    const isOverview = file === 'README.md' && anchor !== undefined && readme.overviewAnchors.has(anchor);
    return `${isOverview ? overview : take(file).url}${anchor === undefined ? '' : `#${anchor}`}`;
  }

  const withLinks = (text: string, file: string) => rewriteLinks(text, (target) => addressOf(target, file));

  function writePlace(place: Place): void {
    const { file, kind, url } = place;
    if (kind === 'download') {
      const copy = join(folder, 'public', url);
      mkdirSync(dirname(copy), { recursive: true });
      copyFileSync(join(root, file), copy);
      return;
    }
    if (kind === 'code') {
      write(`public${url}`, sourcePage(file, read(file), posix.relative(posix.dirname(url), '/index.html')));
      return;
    }
    const text = textOf(place);
    titles.set(url, titleOf(text));
    write(pageFile(url), text);
  }

  function textOf({ file, kind, url }: Place): string {
    if (url === quickStart) return withLinks(readme.quickStart, file);
    if (kind === 'text') return withLinks(read(file), file);
    if (kind === 'folder') {
      const entries = readdirSync(join(root, file), { withFileTypes: true }).filter(
        ({ name }) => !name.startsWith('.'),
      );
      const lines = entries.map((entry) =>
        entry.isFile() ? `- [\`${entry.name}\`](${take(`${file}/${entry.name}`).url})` : `- \`${entry.name}/\``,
      );
      return `${aside}# \`${file}/\`\n\n${lines.join('\n')}\n`;
    }
    const name = basename(file, '.ipynb');
    const { text, pictures } = lessonPage(read(file), name, '/files/lessons');
    for (const [picture, svg] of pictures) write(`public/files/lessons/${picture}`, svg);
    const source = take(`notebooks/${name}.ts`).url;
    return `${withLinks(text, file)}\n---\n\nThis lesson as [a program](${source}) that runs in Node; [how](/lessons/).\n`;
  }

  for (const file of [...startPages, ...lessonFiles(root)]) take(file);
  for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) writePlace(place);
  write(pageFile(overview), withLinks(readme.overview, 'README.md'));
  for (let place = waiting.shift(); place !== undefined; place = waiting.shift()) writePlace(place);

  const sentence = readme.quickStart.split('\n\n')[1]!.replaceAll('\n', ' ');
  write('index.md', read('site/home.md').replace('tagline: README', `tagline: ${JSON.stringify(sentence)}`));

  const item = (file: string): MenuItem => {
    const { url } = take(file);
    return { text: titles.get(url)!, link: url };
  };
  const groups = groupsOf(read('docs/README.md'), 'docs/README.md').map(({ text, files }) => ({
    text,
    items: files.map(item).filter(({ link }) => !link.startsWith('/source/') && link !== '/lessons/'),
  }));
  const menus: Menu[] = [
    { text: 'Start', items: [item('README.md'), { text: 'Overview', link: overview }] },
    { text: 'Lessons', items: lessonFiles(root).map(item) },
    ...groups,
  ];
  write('menus.json', JSON.stringify(menus));
}

const aside = '---\nsearch: false\noutline: false\n---\n\n';

function lessonFiles(root: string): string[] {
  const names = readdirSync(join(root, 'notebooks')).filter((name) => name.endsWith('.ipynb'));
  return names.sort().map((name) => `notebooks/${name}`);
}
