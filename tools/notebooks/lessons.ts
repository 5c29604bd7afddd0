// The lessons: which there are, and where their files lie.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Cell, parseCells } from './source.ts';

export const lessonFolder = fileURLToPath(new URL('../../notebooks', import.meta.url));

/** Names of all lessons, such as `01-from-attention-to-mla`, in order. */
export function lessonNames(): string[] {
  const files = readdirSync(lessonFolder).filter((file) => /^\d\d-.*\.ts$/.test(file));
  return files.map((file) => file.slice(0, -'.ts'.length)).sort();
}

/** The cells of a lesson's source. */
export function readLesson(name: string): Cell[] {
  return parseCells(readFileSync(join(lessonFolder, `${name}.ts`), 'utf8'));
}

/** The file of a lesson with its outputs. */
export function notebookFile(name: string): string {
  return join(lessonFolder, `${name}.ipynb`);
}
