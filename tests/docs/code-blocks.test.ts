// Compiles the TypeScript of the documentation against the source, as a program that has installed the package would.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, parse, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stepsOf } from '../../tools/how-to/steps.ts';
import { pages, readPage } from './markdown.ts';

const scratch = mkdtempSync(join(tmpdir(), 'tinyseek-blocks-'));
afterAll(() => rmSync(scratch, { recursive: true }));

interface Program {
  readonly file: string;
  readonly text: string;
}

const programs: readonly Program[] = pages
  .filter((page) => page.startsWith('docs/'))
  .flatMap((page) => {
    // Those of a how-to page have names and import each other.
    if (page.startsWith('docs/how-to/')) return filesOf(page);
    const blocks = readPage(page).codeBlocks.filter(({ language }) => language === 'ts');
    return blocks.map(({ text }, i) => ({ file: `${basename(page, '.md')}-${i + 1}.ts`, text }));
  });

function filesOf(page: string): Program[] {
  return stepsOf(readFileSync(page, 'utf8')).flatMap((step) =>
    step.kind === 'file' && step.name.endsWith('.ts') ? [{ file: `how-to/${step.name}`, text: step.text }] : [],
  );
}

/** What the compiler says of some programs, line by line. */
function compile(programs: readonly Program[]): string[] {
  for (const { file, text } of programs) {
    mkdirSync(dirname(join(scratch, file)), { recursive: true });
    writeFileSync(join(scratch, file), `${text}\nexport {};\n`);
  }
  writeFileSync(join(scratch, 'package.json'), '{ "type": "module" }');
  symlinkSync(resolve('node_modules'), join(scratch, 'node_modules'), 'junction');
  const config = {
    extends: resolve('tsconfig.json'),
    compilerOptions: {
      paths: { tinyseek: [resolve('src/index.ts')], 'tinyseek/core': [resolve('src/core.ts')] },
      rootDir: parse(scratch).root,
    },
    include: [],
    files: [...programs.map(({ file }) => file), resolve('src/engine/web-assembly.d.ts')],
  };
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify(config));
  const compiler = resolve('node_modules/typescript/bin/tsc');
  const { stdout } = spawnSync(process.execPath, [compiler, '-p', scratch], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => line !== '');
}

describe('the TypeScript in docs/', () => {
  it('compiles, and a call that the package does not export would be found', { timeout: 600_000 }, () => {
    const wrong = { file: 'wrong.ts', text: "import { trainn } from 'tinyseek';\nawait trainn();" };
    const complaints = compile([...programs, wrong]);
    expect(programs.length).toBeGreaterThan(10);
    expect(complaints.filter((line) => !line.includes('wrong.ts'))).toEqual([]);
    expect(complaints).toEqual([expect.stringContaining("no exported member named 'trainn'")]);
  });
});
