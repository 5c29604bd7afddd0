// How many bytes the lab has, compressed, without the texts and without the tables of OpenAI's tokenizers, which are
// loaded when one of them is asked for. Fails where it is more than it may be.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const allowedKilobytes = 600;
const folder = join(import.meta.dirname, '../dist/lab-page');
const files = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/^(cl100k|o200k|r50k)_base-|^\./.test(entry.name))
  .filter(({ parentPath }) => !relative(folder, parentPath).startsWith('corpora'))
  .map(({ parentPath, name }) => gzipSync(readFileSync(join(parentPath, name)), { level: 9 }).length);
const kilobytes = files.reduce((sum, size) => sum + size, 0) / 1000;
console.log(`The lab: ${kilobytes.toFixed(0)} kB gzipped (at most ${allowedKilobytes}), without texts`);
if (kilobytes > allowedKilobytes) process.exitCode = 1;
