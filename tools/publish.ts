// Puts what was built in place of what is there, file by file, so that no file is missing at any moment.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** The paths of all files below a folder, relative to it. */
export function filesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
}

function isSameFile(a: string, b: string): boolean {
  return existsSync(b) && statSync(a).mode === statSync(b).mode && readFileSync(a).equals(readFileSync(b));
}

/**
 * Makes the folder `dist` equal to `folder`, which loses the files that are moved. A file that is the same stays as it
 * is. Files that are no longer built go last, since an old module may still import them.
 */
export function publish(folder: string, dist: string): void {
  const built = filesIn(folder);
  for (const path of built) {
    const [from, to] = [join(folder, path), join(dist, path)];
    if (isSameFile(from, to)) continue;
    mkdirSync(dirname(to), { recursive: true });
    renameSync(from, to);
  }
  const kept = new Set(built);
  for (const path of filesIn(dist)) if (!kept.has(path)) rmSync(join(dist, path));
}
