// Text that the package brings along, in its folder `corpora`: JSON Lines in gzip, which a browser can open as well.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const folder = new URL('../../../corpora/', import.meta.url);

/** The documents of one of its files. */
export function loadPacked(name: string): string[] {
  const lines = gunzipSync(readFileSync(new URL(`${name}.jsonl.gz`, folder)))
    .toString()
    .trimEnd()
    .split('\n');
  return lines.map((line) => JSON.parse(line).text);
}
