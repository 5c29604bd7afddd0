// What the data pipeline needs of the program around it, besides text in memory: corpora, files and a cache for tokens.
// `useHost` sets what there is.

import type { Corpus, ReadingOptions } from './corpus.ts';
import type { Encoder, OnPiece } from './encode.ts';
import type { ForeignEncoder } from './foreign-code/foreign-encoder.ts';
import type { Program, Returned } from './foreign-code/program.ts';
import type { Tokenizer } from './types.ts';
import { webHost } from './web-host.ts';

/** What the program around the data pipeline provides. */
export interface Host {
  /** Finds the text that a specification names; rejects with a `UserError`. */
  readonly loadCorpora: (spec: string, options: ReadingOptions) => Promise<readonly Corpus[]>;
  /**
   * Makes an encoder of documents. It may cache tokens in `cacheDir`, in a place of its choice (undefined) or nowhere
   * (null).
   */
  readonly encoder: (tokenizer: Tokenizer, cacheDir: string | null | undefined, onPiece: OnPiece) => Promise<Encoder>;
  /** Encodes with a parsed `tokenizer.json` as Hugging Face's library does: its patterns are code of strangers. */
  readonly foreignEncoder: (json: object, name: string) => ForeignEncoder;
  /** What `work`, which goes through whole texts, resolves to; a program may keep its memory small meanwhile. */
  readonly whileReading: <T>(work: () => Promise<T>) => Promise<T>;
  /** What `work` returns; null if it was ended after so many seconds, which only some programs can do. */
  readonly withinSeconds: <T>(seconds: number, work: () => T) => { readonly value: T } | null;
  /** Tries a program of a model, with limits: see `foreign-code/program.ts`. */
  readonly runProgram: (program: Program) => Promise<Returned | null>;
  /** The text of a file. */
  readonly readText: (path: string) => Promise<string>;
}

let current: Host = webHost;

/** The current host; that of a page unless `useHost` was called. */
export function host(): Host {
  return current;
}

/** Sets the host, before anything is read. */
export function useHost(newHost: Host): void {
  current = newHost;
}
