// Data in Node. Modules are loaded when they are used, since not every command reads text.

import { readFile } from 'node:fs/promises';
import { foreignEncoder } from './foreign-code/foreign-encoder.ts';
import { runProgram } from './foreign-code/program.ts';
import { TimeUp, withinSeconds } from './foreign-code/time-limit.ts';
import type { Host } from './host.ts';
import { withSmallYoungGeneration } from './young-generation.ts';

export const nodeHost: Host = {
  loadCorpora: async (spec, options) => (await import('./corpora/load-corpora.ts')).loadCorpora(spec, options),
  encoder: async (tokenizer, cacheDir, onPiece) => {
    const { createCachedEncoder, defaultCacheDir } = await import('./token-cache.ts');
    return createCachedEncoder(tokenizer, cacheDir === undefined ? defaultCacheDir() : cacheDir, onPiece);
  },
  foreignEncoder,
  whileReading: withSmallYoungGeneration,
  withinSeconds: (seconds, work) => {
    try {
      return { value: withinSeconds(seconds, work) };
    } catch (error) {
      if (error instanceof TimeUp) return null;
      throw error;
    }
  },
  runProgram,
  readText: (path) => readFile(path, 'utf8'),
};
