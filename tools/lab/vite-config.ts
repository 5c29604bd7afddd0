// How Vite builds the lab from a built library.

import { join } from 'node:path';
import type { InlineConfig, Plugin } from 'vite';

const root = join(import.meta.dirname, '../../lab');
// A build on a slow machine is no reason for a warning.
const rolldownOptions = { checks: { bundlerTimings: false } };

/** The tables of OpenAI's tokenizers are megabytes, and the worker alone reads text. */
const withoutTables: Plugin = {
  name: 'without-tokenizer-tables',
  enforce: 'pre',
  resolveId: (id) => (id.startsWith('gpt-tokenizer/bpeRanks/') ? '\0no-table' : null),
  load: (id) => (id === '\0no-table' ? 'export default [];' : null),
};

/** The largest table has 2 MB, for 200,000 tokens, and a model of that many is not one for a page. */
const withoutLargestTable: Plugin = {
  name: 'without-largest-table',
  enforce: 'pre',
  resolveId: (id) => (id === 'gpt-tokenizer/bpeRanks/o200k_base' ? '\0largest-table' : null),
  load: (id) =>
    id === '\0largest-table'
      ? "throw new Error('the lab has no table of o200k_base; choose r50k_base, or bpe:1024'); export default [];"
      : null,
};

/** @param library the folder with the built library; @param outDir where the site is put */
export function labConfig(library: string, outDir: string): InlineConfig {
  // Of the library, the page takes what it names: settings, counts, histories. That TF.js registers its operations when
  // it is loaded is for the worker, which computes.
  const hasSideEffects = (id: string) => !id.startsWith(library);
  const pageOptions = { ...rolldownOptions, treeshake: { moduleSideEffects: hasSideEffects } };
  return {
    configFile: false,
    root,
    base: './',
    logLevel: 'warn',
    plugins: [withoutTables],
    resolve: {
      alias: {
        'tinyseek/core': join(library, 'core.js'),
        'tinyseek/more': join(library, 'beyond-training.js'),
      },
    },
    build: {
      ...{ outDir, emptyOutDir: true, rolldownOptions: pageOptions, target: 'es2023', assetsInlineLimit: 0 },
      ...{ chunkSizeWarningLimit: Number.POSITIVE_INFINITY, modulePreload: { polyfill: false } },
    },
    worker: { format: 'es', plugins: () => [withoutLargestTable], rolldownOptions },
  };
}
