// The Markdown of this repository, taken apart.

import { readFileSync } from 'node:fs';
import GithubSlugger from 'github-slugger';
import { marked, type Tokens } from 'marked';
import { globSync } from 'tinyglobby';

/** Every page of the repository, by its path from the root. */
export const pages: readonly string[] = globSync('**/*.md', {
  ignore: [
    ...['**/node_modules/**', 'docs/api/**', 'site/pages/**', 'site/home.md', 'dist-site/**'],
    ...['runs/**', 'dist/**', 'coverage/**'],
  ],
}).sort();

export interface CodeBlock {
  /** What follows the opening fence: `ts`, `sh`, ... */
  readonly language: string;
  readonly text: string;
}

export interface Page {
  /** Where links and images lead. */
  readonly links: readonly string[];
  /** The ids of its headings, as GitHub makes them. */
  readonly anchors: ReadonlySet<string>;
  readonly codeBlocks: readonly CodeBlock[];
}

const known = new Map<string, Page>();

export function readPage(path: string): Page {
  const page = known.get(path) ?? takeApart(path);
  known.set(path, page);
  return page;
}

function takeApart(path: string): Page {
  const [links, headings, codeBlocks]: [string[], string[], CodeBlock[]] = [[], [], []];
  void marked.walkTokens(marked.lexer(readFileSync(path, 'utf8')), (token) => {
    if (token.type === 'link' || token.type === 'image') links.push((token as Tokens.Link).href);
    if (token.type === 'heading') headings.push((token as Tokens.Heading).text);
    if (token.type === 'code') codeBlocks.push({ language: (token as Tokens.Code).lang ?? '', text: token.text });
  });
  const slugger = new GithubSlugger();
  return { links, anchors: new Set(headings.map((heading) => slugger.slug(heading))), codeBlocks };
}
