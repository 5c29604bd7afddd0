// Text that the package brings along, in its folder `corpora`: JSON Lines in gzip, which a browser can open as well.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseJsonl } from './jsonl.ts';

const folder = new URL('../../../corpora/', import.meta.url);

/** The documents of one of its files. */
export function loadPacked(name: string): string[] {
  const file = `${name}.jsonl.gz`;
  return parseJsonl(gunzipSync(readFileSync(new URL(file, folder))).toString(), `corpora/${file}`);
}
