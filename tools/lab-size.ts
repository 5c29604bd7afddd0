// How many bytes the lab has, compressed, without the texts, and without what is loaded only when it is asked for: the
// tables of OpenAI's tokenizers, and TF.js's backend for WebGPU. Fails where it is more than it may be.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';

const allowedKilobytes = 600;
const folder = join(import.meta.dirname, '../dist/lab-page');
const isForGpu = (content: Buffer) => content.includes('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE');
const contents = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && !/^(cl100k|o200k|r50k)_base-|^\./.test(entry.name))
  .filter(({ parentPath }) => !relative(folder, parentPath).startsWith('corpora'))
  .map(({ parentPath, name }) => readFileSync(join(parentPath, name)));
const sizeOf = (files: readonly Buffer[]) =>
  files.reduce((sum, content) => sum + gzipSync(content, { level: 9 }).length, 0) / 1000;
const kilobytes = sizeOf(contents.filter((content) => !isForGpu(content)));
const more = sizeOf(contents.filter(isForGpu));
console.log(
  `The lab: ${kilobytes.toFixed(0)} kB gzipped (at most ${allowedKilobytes}), without texts; ` +
    `${more.toFixed(0)} kB more where the GPU computes`,
);
if (kilobytes > allowedKilobytes) process.exitCode = 1;
