// Data in a page: only text in memory. Patterns of a foreign tokenizer run without limits there; a page that does not
// trust one can encode in a Web Worker of its own and end that.

import { UserError } from '../errors.ts';
import { plainEncoder } from './encode.ts';
import { libraryEncoder } from './foreign-code/library-encoder.ts';
import type { Host } from './host.ts';

export const webHost: Host = {
  loadCorpora: async (spec) => {
    throw new UserError(`data: "${spec}": there are no corpora in a page; give the text itself (documents)`);
  },
  encoder: async (tokenizer, _cacheDir, onPiece) => plainEncoder(tokenizer, onPiece),
  foreignEncoder: (json) => {
    const encode = libraryEncoder(json);
    return { encode, encodeAside: async (text) => encode(text) };
  },
  whileReading: (work) => work(),
  withinSeconds: (_seconds, work) => ({ value: work() }),
  runProgram: async () => {
    throw new UserError('program: programs of a model are tried in Node alone, where a process can be limited');
  },
  readText: async () => {
    throw new Error('there are no files in a page; give what tokenizerFromHuggingFace makes of its contents');
  },
};
