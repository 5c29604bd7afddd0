// How many bytes a page loads for `tinyseek/core`: bundled and minified, without the tables of OpenAI's tokenizers, the
// binaries of the engine and the kernels for WebGPU, which are loaded when they are used. Fails where it is more than
// it may be.

import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type OutputChunk, rolldown } from 'rolldown';

const allowedKilobytes = 277;

const bundle = await rolldown({
  input: join(import.meta.dirname, '../dist/core.js'),
  platform: 'browser',
  external: /^gpt-tokenizer\/bpeRanks\//,
  checks: { bundlerTimings: false },
});
const { output } = await bundle.generate({ format: 'esm', minify: true });
await bundle.close();
const chunks = new Map(
  output.filter((file): file is OutputChunk => file.type === 'chunk').map((chunk) => [chunk.fileName, chunk]),
);

/** Adds a chunk and what it imports at once to `loaded`. */
function load(fileName: string, loaded: Set<string>): Set<string> {
  if (!chunks.has(fileName) || loaded.has(fileName)) return loaded;
  loaded.add(fileName);
  for (const name of chunks.get(fileName)!.imports) load(name, loaded);
  return loaded;
}

function sizesOf(fileNames: Iterable<string>) {
  const codes = Array.from(fileNames, (name) => Buffer.from(chunks.get(name)!.code));
  const sum = (sizes: number[]) => sizes.reduce((a, b) => a + b, 0) / 1000;
  return {
    gzipped: sum(codes.map((code) => gzipSync(code, { level: 9 }).length)),
    minified: sum(codes.map((code) => code.length)),
  };
}

const loaded = load(output[0].fileName, new Set());
const [atOnce, later] = [sizesOf(loaded), sizesOf([...chunks.keys()].filter((name) => !loaded.has(name)))];
console.log(
  `tinyseek/core in a page: ${atOnce.gzipped.toFixed(1)} kB gzipped, ${atOnce.minified.toFixed(0)} kB minified; ` +
    `loaded when it is used: ${later.gzipped.toFixed(1)} kB gzipped`,
);
if (atOnce.gzipped > allowedKilobytes) {
  console.error(`That is more than ${allowedKilobytes} kB: look for a package that a bundler cannot take apart.`);
  process.exitCode = 1;
}
