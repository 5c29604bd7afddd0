// Files of the packages beside this one, found where npm put them.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The folder of one of the packages. */
export function packageFolder(name: string): string {
  const folder = join(import.meta.dirname, 'node_modules', name);
  if (!existsSync(folder)) throw new Error(`${name} is not installed: run npm install --prefix tools/corpora`);
  return folder;
}

/** The text files of a folder whose names match, in the order of their names. */
export function readMatching(folder: string, pattern: RegExp): string[] {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8'));
}
