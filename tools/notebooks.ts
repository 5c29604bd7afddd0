// Executes the notebooks and writes them with their outputs: `npm run notebooks`, or with a part of a name.
//
// With `--check`, nothing is written: it fails where the outputs of a notebook are not those of its source.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { drawPngs } from './notebooks/draw-png.ts';
import { execute } from './notebooks/execute.ts';
import { picturesOf, toIpynb } from './notebooks/ipynb.ts';
import { lessonNames, notebookFile, readLesson } from './notebooks/lessons.ts';

const { values, positionals } = parseArgs({ options: { check: { type: 'boolean' } }, allowPositionals: true });
const names = lessonNames().filter((name) => positionals.every((wanted) => name.includes(wanted)));
if (names.length === 0) throw new Error(`no notebook has ${positionals.join(' and ')} in its name`);

let failed = 0;
for (const name of names) {
  const start = performance.now();
  const problem = await make(name);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(`${problem === null ? 'ok' : 'FAILED'} ${name} (${seconds} s)${problem === null ? '' : `: ${problem}`}`);
  if (problem !== null) failed++;
}
if (values.check) console.log(`notebooks: ${names.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;

/** What is wrong with a notebook, or null. */
async function make(name: string): Promise<string | null> {
  const file = notebookFile(name);
  const written = existsSync(file) ? readFileSync(file, 'utf8') : null;
  const cells = readLesson(name);
  const outputs = await execute(cells);
  const svgs = outputs.flat().flatMap((output) => ('svg' in output ? [output.svg] : []));
  const known = written === null ? new Map<string, string>() : picturesOf(written);
  if (values.check) {
    const isSame = toIpynb(cells, outputs, known) === written;
    return isSame ? null : 'its outputs are not those of its source; npm run notebooks writes them anew';
  }
  const drawn = await drawPngs(svgs.filter((svg) => !known.has(svg)));
  writeFileSync(file, toIpynb(cells, outputs, new Map([...known, ...drawn])));
  return null;
}
