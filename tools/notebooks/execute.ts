// Runs the code of a notebook in Node, in a process of its own, and keeps what each cell writes and shows.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cell } from './source.ts';
import { isCode } from './source.ts';

/** What a cell wrote to standard output, or a chart that it displayed. */
export type Output = { readonly text: string } | { readonly svg: string; readonly plain: string };

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The outputs of each cell, in order; a cell of prose has none.
 *
 * The code of all cells is one module, so what a cell declares is known in those below. It lies in a folder of the
 * repository for as long as it runs: that is how `import ... from 'tinyseek'` finds the package.
 */
export async function execute(cells: readonly Cell[]): Promise<Output[][]> {
  const folder = mkdtempSync(join(root, '.build-notebook-'));
  try {
    const module = join(folder, 'cells.ts');
    writeFileSync(module, moduleOf(cells));
    return await collect(module, cells.length);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** `tinyseekCell` tells whose output follows; imports may stand in any cell, as they do in a module. */
function moduleOf(cells: readonly Cell[]): string {
  return cells
    .map((cell, i) => (isCode(cell) ? `globalThis.tinyseekCell(${i});\n${cell.source}\n` : ''))
    .filter((code) => code !== '')
    .join('\n');
}

async function collect(module: string, numCells: number): Promise<Output[][]> {
  const host = fileURLToPath(new URL('host.ts', import.meta.url));
  const child = spawn(process.execPath, [host, module], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const outputs: Output[][] = Array.from({ length: numCells }, () => []);
  child.on('message', ({ cell, output }: { cell: number; output: Output }) => addTo(outputs[cell]!, output));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`a cell failed, see above (exit code ${code})`);
  return outputs;
}

/** Texts that follow each other are one output, as in a notebook. */
function addTo(outputs: Output[], output: Output): void {
  const last = outputs.at(-1);
  if (last !== undefined && 'text' in last && 'text' in output)
    outputs.splice(-1, 1, { text: last.text + output.text });
  else outputs.push(output);
}
