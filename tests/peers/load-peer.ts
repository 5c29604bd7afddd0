// Packages that a few tests compare with, too large for everybody's `npm ci`: they are installed beside this file.

import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

export const howToInstall = 'npm ci --prefix tests/peers';

/**
 * The module of such a package, or null, with a loud word, where it is not installed. `tests` is what is then not
 * tested.
 */
export async function loadPeer<Module>(name: string, tests: string): Promise<Module | null> {
  const file = resolveFrom(import.meta.url, name);
  if (file !== null) return import(pathToFileURL(file).href);
  console.warn(`\n*** NOT TESTED: ${tests}\n*** the package ${name} is not installed; to get it: ${howToInstall}\n`);
  return null;
}

function resolveFrom(url: string, name: string): string | null {
  try {
    return createRequire(url).resolve(name);
  } catch {
    return null;
  }
}
