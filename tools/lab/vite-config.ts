// How Vite builds the lab from a built library.

import { join } from 'node:path';
import type { InlineConfig } from 'vite';

const root = join(import.meta.dirname, '../../lab');
// A build on a slow machine is no reason for a warning.
const rolldownOptions = { checks: { bundlerTimings: false } };

/** @param library the folder with the built library; @param outDir where the site is put */
export function labConfig(library: string, outDir: string): InlineConfig {
  return {
    configFile: false,
    root,
    base: './',
    logLevel: 'warn',
    resolve: {
      alias: {
        'tinyseek/core': join(library, 'core.js'),
        'tinyseek/more': join(library, 'beyond-training.js'),
      },
    },
    build: {
      ...{ outDir, emptyOutDir: true, rolldownOptions, target: 'es2023', assetsInlineLimit: 0 },
      ...{ chunkSizeWarningLimit: Number.POSITIVE_INFINITY, modulePreload: { polyfill: false } },
    },
    worker: { format: 'es', rolldownOptions },
  };
}
