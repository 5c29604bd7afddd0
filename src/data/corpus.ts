// The text of one domain, and how files are understood.

import type { DocumentSource } from './documents.ts';

/** How the user's own files are read. */
export interface ReadingOptions {
  /** The key of the text in rows of JSON Lines and CSV; empty or absent: recognised by its name. */
  readonly textKey?: string;
  /** What stands between documents of a text file; empty or absent: a line with a known end token. */
  readonly documentSeparator?: string;
}

/** The text of one domain. */
export interface Corpus {
  /** Name of the domain in metrics: the built-in's name, or the last plain part of the path (`notes/*.md`: `notes`). */
  readonly domain: string;
  /** Share of the training rows, relative to the other domains. */
  readonly weight: number;
  readonly documents: DocumentSource;
  /** What is worth knowing of the choice of its files. */
  readonly notes: readonly string[];
}
