// Where the files of the repository are on the site.

import { statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** How a file is shown: as a page of text, as a lesson, as code, as a list of what a folder has, or as it is. */
export type Kind = 'text' | 'lesson' | 'code' | 'folder' | 'download';

export interface Place {
  readonly kind: Kind;
  /** The path of the file in the repository. */
  readonly file: string;
  /** Its address on the site, from the root; pages that the generator makes have no ending. */
  readonly url: string;
}

/** The README is two pages: what a newcomer tries at once, and everything else. */
export const quickStart = '/quick-start';
export const overview = '/overview';

const own: Readonly<Record<string, string>> = {
  'README.md': quickStart,
  'docs/README.md': '/docs/',
  'notebooks/README.md': '/lessons/',
};

/** Files that a browser shows or saves by itself. */
const downloads = /\.(png|svg|json|gz|br)$/;

/** The place of a file or folder of the repository. Throws where there is none. */
export function placeOf(file: string, root: string): Place {
  const path = file.replaceAll('\\', '/').replace(/\/$/, '');
  if (statSync(join(root, path)).isDirectory()) return placeOfFolder(path, root);
  if (own[path] !== undefined) return { kind: 'text', file: path, url: own[path] };
  const name = basename(path).replace(/\.[^.]+$/, '');
  if (/^docs\/how-to\/[^/]+\.md$/.test(path)) return { kind: 'text', file: path, url: `/how-to/${name}` };
  if (/^docs\/[^/]+\.md$/.test(path)) return { kind: 'text', file: path, url: `/docs/${name}` };
  if (/^notebooks\/[^/]+\.ipynb$/.test(path)) return { kind: 'lesson', file: path, url: `/lessons/${name}` };
  if (downloads.test(path)) return { kind: 'download', file: path, url: `/files/${path}` };
  if (path.endsWith('.md')) return { kind: 'text', file: path, url: `/source/${dirname(path)}/${name}` };
  return { kind: 'code', file: path, url: `/source/${path}.html` };
}

function placeOfFolder(path: string, root: string): Place {
  const readme = `${path}/README.md`;
  const hasReadme = statSync(join(root, readme), { throwIfNoEntry: false }) !== undefined;
  return hasReadme ? placeOf(readme, root) : { kind: 'folder', file: path, url: `/source/${path}/` };
}

/** The Markdown file of a page, from the folder of all pages. */
export function pageFile(url: string): string {
  return `${url.slice(1)}${url.endsWith('/') ? 'index' : ''}.md`;
}
