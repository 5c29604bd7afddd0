// Executes every notebook in Jupyter on the Deno kernel, with its exercise solved: `npm run jupyter`, or with a part of
// a name.
//
// It needs Debian's jupyter-nbconvert and python3-nbclient, and `npm ci --prefix notebooks/kernel`; without these it
// says so loudly and is content.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toIpynb } from './notebooks/ipynb.ts';
import { lessonFolder, lessonNames, readLesson } from './notebooks/lessons.ts';
import { solved } from './notebooks/source.ts';

const kernel = join(lessonFolder, 'kernel');
const hasJupyter = spawnSync('jupyter', ['nbconvert', '--version']).status === 0;
if (!hasJupyter || !existsSync(join(kernel, 'node_modules/.bin/deno'))) {
  console.warn(
    '!! NOT TESTED: the notebooks in Jupyter; apt-get install jupyter-nbconvert python3-nbclient, and ' +
      'npm ci --prefix notebooks/kernel',
  );
} else {
  const folder = mkdtempSync(join(lessonFolder, '../.build-notebook-'));
  try {
    const names = lessonNames().filter((name) => process.argv.slice(2).every((wanted) => name.includes(wanted)));
    const problems = names.map((name) => executeIn(folder, name));
    process.exitCode = problems.some((problem) => problem !== null) ? 1 : 0;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What is wrong with a notebook, or null. */
function executeIn(folder: string, name: string): string | null {
  const cells = solved(readLesson(name));
  const file = join(folder, `${name}.ipynb`);
  writeFileSync(
    file,
    toIpynb(
      cells,
      cells.map(() => []),
      new Map(),
    ),
  );
  const command = [
    'nbconvert',
    '--to',
    'notebook',
    '--execute',
    '--inplace',
    '--ExecutePreprocessor.timeout=900',
    file,
  ];
  const env = { ...process.env, JUPYTER_PATH: kernel };
  const { status, stderr } = spawnSync('jupyter', command, { env, encoding: 'utf8' });
  const problem = status !== 0 ? stderr : says(file, 'Right') ? null : 'its solution does not pass its check';
  console.log(problem === null ? `ok ${name}` : `FAILED ${name}: ${problem}`);
  return problem;
}

/** Whether one of the texts that a notebook has written contains a word. */
function says(file: string, word: string): boolean {
  const { cells } = JSON.parse(readFileSync(file, 'utf8')) as { cells: { outputs?: { text?: string[] }[] }[] };
  return cells.some(({ outputs = [] }) => outputs.some(({ text = [] }) => text.join('').includes(word)));
}
