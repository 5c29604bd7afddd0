// What data needs of the program around it, besides text in memory: corpora, files, a place for tokens. `useHost` says
// what there is.

import type { Encoder } from './assemble-dataset.ts';
import type { Corpus } from './corpora/load-corpora.ts';
import type { Tokenizer } from './types.ts';
import { webHost } from './web-host.ts';

/** The surroundings of the data. */
export interface Host {
  /** Reads the text that a specification names; rejects with a `UserError`. */
  readonly loadCorpora: (spec: string) => Promise<readonly Corpus[]>;
  /** What encodes documents. It may keep what it encoded: in `cacheDir`, where it likes (undefined), or nowhere (null). */
  readonly encoder: (tokenizer: Tokenizer, cacheDir: string | null | undefined) => Promise<Encoder>;
  /** The text of a file. */
  readonly readText: (path: string) => Promise<string>;
}

let current: Host = webHost;

/** The surroundings that hold; those of a page unless `useHost` was called. */
export function host(): Host {
  return current;
}

/** Sets the surroundings, before anything is read. */
export function useHost(newHost: Host): void {
  current = newHost;
}
