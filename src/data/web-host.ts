// Data in a page: only text in memory.

import { UserError } from '../errors.ts';
import { plainEncoder } from './encode.ts';
import type { Host } from './host.ts';

export const webHost: Host = {
  loadCorpora: async (spec) => {
    throw new UserError(`data: "${spec}": there are no corpora in a page; give the text itself (documents)`);
  },
  encoder: async (tokenizer, _cacheDir, onPiece) => plainEncoder(tokenizer, onPiece),
  readText: async () => {
    throw new Error('there are no files in a page; give what tokenizerFromHuggingFace makes of its contents');
  },
};
