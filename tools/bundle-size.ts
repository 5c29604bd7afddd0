// How many bytes a page loads for `tinyseek/core`: bundled and minified, without the tables of OpenAI's tokenizers and
// the binaries of the engine, which are loaded when they are used. Fails where it is more than it may be.

import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const allowedKilobytes = 260;

const bundle = await rolldown({
  input: join(import.meta.dirname, '../dist/core.js'),
  platform: 'browser',
  external: /^gpt-tokenizer\/bpeRanks\//,
  checks: { bundlerTimings: false },
});
const { output } = await bundle.generate({ format: 'esm', minify: true, codeSplitting: false });
await bundle.close();
const code = Buffer.from(output[0].code);
const kilobytes = gzipSync(code, { level: 9 }).length / 1000;
console.log(
  `tinyseek/core in a page: ${kilobytes.toFixed(1)} kB gzipped, ${(code.length / 1000).toFixed(0)} kB minified`,
);
if (kilobytes > allowedKilobytes) {
  console.error(`That is more than ${allowedKilobytes} kB: look for a package that a bundler cannot take apart.`);
  process.exitCode = 1;
}
