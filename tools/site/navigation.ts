// What the site offers in its menus: the groups of the index of docs/, and the lessons of their folder.

import { dirname, posix } from 'node:path';

export interface Group {
  readonly text: string;
  /** Files of the repository, in order. */
  readonly files: readonly string[];
}

/** The groups of an index page: its headings, each with the pages that its list links to. */
export function groupsOf(index: string, file: string): Group[] {
  const sections = index.split(/^## /m).slice(1);
  return sections.map((section) => ({
    text: section.slice(0, section.indexOf('\n')).trim(),
    files: [...section.matchAll(/^- \[[^\]]*\]\(([^)#]+)[^)]*\)/gm)].map(([, target]) =>
      posix.join(dirname(file).replaceAll('\\', '/'), target!),
    ),
  }));
}

/** The title of a page, without the marks of code. */
export function titleOf(text: string): string {
  const title = /^# (.*)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error('a page has no title');
  return title.replaceAll('`', '');
}
