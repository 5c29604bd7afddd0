// Text that npm packages bring along, found where npm put it; nothing is ever downloaded.

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UserError } from '../../errors.ts';

const require = createRequire(import.meta.url);

/** The folder of a package; `entry` is a file in its root that its `exports` allow to be resolved. */
export function packageFolder(name: string, entry = `${name}/package.json`): string {
  try {
    return dirname(require.resolve(entry));
  } catch (cause) {
    throw new UserError(`data: the package ${name} is not installed; run npm install ${name}`, { cause });
  }
}

/** The text files of a folder whose names match, in the order of their names. */
export function readMatching(folder: string, pattern: RegExp): string[] {
  const names = readdirSync(folder).filter((name) => pattern.test(name));
  return names.sort().map((name) => readFileSync(join(folder, name), 'utf8'));
}
