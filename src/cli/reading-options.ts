// The options that say how the user's own files are read.

import type { ReadingOptions } from '../data/corpus.ts';
import type { OptionsOf } from './declared-types.ts';

export const readingFlags = [
  {
    flags: '--text-key <key>',
    help: 'key of the text in rows of JSON Lines and CSV (default: text, content, chats, pairs)',
  },
  {
    flags: '--separator <text>',
    help: 'what stands between documents of a text file (default: lines such as <|endoftext|>)',
  },
] as const;

export function readingOptions({ textKey, separator }: OptionsOf<typeof readingFlags>): ReadingOptions {
  return {
    ...(textKey === undefined ? {} : { textKey }),
    ...(separator === undefined ? {} : { documentSeparator: separator }),
  };
}
