// The site: its pages are written by tools/site/write-pages.ts into `pages`, and nothing here has text of its own.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import katex from '@vscode/markdown-it-katex';
import { slug } from 'github-slugger';
import { defineConfig } from 'vitepress';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const menus: { text: string; items: { text: string; link: string }[] }[] = JSON.parse(
  readFileSync(here('../pages/menus.json'), 'utf8'),
);
const { description } = JSON.parse(readFileSync(here('../../package.json'), 'utf8'));

// Pages that are not the generator's, and that its router does not know.
const beside = /^\/(api|lab|source)\/.*\.html/;

export default defineConfig({
  title: 'TinySeek',
  description,
  lang: 'en-GB',
  srcDir: 'pages',
  srcExclude: ['public/**'],
  outDir: '../dist-site',
  // The hashes of pages go into a file of their own, so that no page needs a script that differs from build to build.
  metaChunk: true,
  // Files that lie beside the pages; tools/site/check-links.ts follows these links too.
  ignoreDeadLinks: [/^\/(api|lab|source)\//],
  vite: { build: { chunkSizeWarningLimit: Number.POSITIVE_INFINITY } },
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: {
    anchor: { slugify: (title) => slug(title) },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: (markdown) => {
      // Formulas as GitHub writes them, in MathML, which browsers draw with fonts of their own. A wide one scrolls by
      // itself, also by keyboard.
      markdown.use(katex.default ?? katex, { output: 'mathml', throwOnError: true });
      for (const name of ['math_inline', 'math_block'] as const) {
        const formula = markdown.renderer.rules[name]!;
        markdown.renderer.rules[name] = (...given) =>
          formula(...given)
            .replace('<math', '<math v-pre')
            .replace('<p class="katex-block"', '<p class="katex-block" tabindex="0"');
      }
      // A table that is wider than a phone scrolls by itself, also by keyboard.
      markdown.renderer.rules.table_open = () => '<div class="table" tabindex="0">\n<table>\n';
      markdown.renderer.rules.table_close = () => '</table>\n</div>\n';
      const openLink = markdown.renderer.rules.link_open!;
      markdown.renderer.rules.link_open = (tokens, at, options, env, self) => {
        const isBeside = beside.test(tokens[at]!.attrGet('href') ?? '');
        const link = openLink(tokens, at, options, env, self);
        if (!isBeside) return link;
        tokens[at]!.attrSet('target', '_self');
        return self.renderToken(tokens, at, options);
      };
    },
  },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Lab', link: '/lab/index.html', target: '_self' },
      { text: 'Lessons', link: '/lessons/' },
      { text: 'How to', link: '/how-to/own-data' },
      { text: 'Documentation', link: '/docs/' },
      { text: 'Results', link: '/docs/results' },
      { text: 'API', link: '/api/index.html', target: '_self' },
    ],
    sidebar: menus,
  },
});
