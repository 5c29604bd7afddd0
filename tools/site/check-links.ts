// Whether every link within the built site leads somewhere, to anchors in pages as well.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { globSync } from 'tinyglobby';

export interface BrokenLink {
  readonly page: string;
  readonly link: string;
  readonly problem: string;
}

interface HtmlPage {
  readonly links: readonly string[];
  readonly ids: ReadonlySet<string>;
}

/** The links of all pages in a folder that lead nowhere. Links to other origins are not followed. */
export function brokenLinks(folder: string, base: string): BrokenLink[] {
  const pages = new Map<string, HtmlPage>();
  const files = globSync('**/*.html', { cwd: folder, ignore: ['lab/**'] });
  for (const file of files) pages.set(file, takeApart(readFileSync(join(folder, file), 'utf8')));
  return files.flatMap((page) =>
    pages.get(page)!.links.flatMap((link) => {
      const problem = problemOf(folder, base, pages, page, link);
      return problem === null ? [] : [{ page, link, problem }];
    }),
  );
}

function takeApart(html: string): HtmlPage {
  const links = [...html.matchAll(/<[^>]+\s(?:href|src)="([^"]*)"/g)].map(([, link]) => link!.replaceAll('&amp;', '&'));
  const ids = [...html.matchAll(/<[^>]+?\sid="([^"]*)"/g)].map(([, id]) => id!.replaceAll('&amp;', '&'));
  return { links: [...new Set(links)], ids: new Set(ids) };
}

function problemOf(
  folder: string,
  base: string,
  pages: ReadonlyMap<string, HtmlPage>,
  page: string,
  link: string,
): string | null {
  if (/^([a-z]+:|\/\/)/i.test(link) || link === '') return null;
  const url = new URL(link, new URL(page, `http://site${base}`));
  if (!url.pathname.startsWith(base)) return `it is not below ${base}`;
  const path = decodeURIComponent(url.pathname.slice(base.length));
  const file = path === '' || path.endsWith('/') ? posix.join(path, 'index.html') : path;
  if (!existsSync(join(folder, file)) || !statSync(join(folder, file)).isFile()) return `there is no ${file}`;
  const anchor = decodeURIComponent(url.hash.slice(1));
  const target = pages.get(file);
  if (anchor === '' || target === undefined || target.ids.has(anchor)) return null;
  return `${file} has no place named ${anchor}`;
}
