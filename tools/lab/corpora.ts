// The texts that the page reads, beside it: the beginning of each corpus, with what their licences ask for.

import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beginningOf } from '../../lab/src/beginning-of.ts';

const corpora = join(import.meta.dirname, '../../corpora');

/** Puts the texts into the folder `corpora` of a built site. */
export function copyCorpora(site: string): void {
  const folder = join(site, 'corpora');
  mkdirSync(folder, { recursive: true });
  cpSync(join(corpora, 'README.md'), join(folder, 'README.md'));
  cpSync(join(corpora, 'licences'), join(folder, 'licences'), { recursive: true });
  for (const name of readdirSync(corpora).filter((file) => file.endsWith('.jsonl.gz'))) {
    const lines = gunzipSync(readFileSync(join(corpora, name)))
      .toString()
      .trimEnd()
      .split('\n');
    const texts = beginningOf(lines.map((line) => JSON.parse(line).text as string));
    const kept = lines.slice(0, texts.length).map((line) => `${line}\n`);
    writeFileSync(join(folder, name), gzipSync(kept.join(''), { level: 9 }));
  }
}
