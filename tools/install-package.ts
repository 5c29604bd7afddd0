// The package as a user has it: packed, and installed in a folder where nothing else is.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

export function npm(folder: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd: folder, encoding: 'utf8', shell: process.platform === 'win32' });
}

/**
 * Packs what is built, installs it with `others` (`name@version`), and gives the folder to `use`, which it is kept for.
 */
export async function withInstalledPackage<T>(
  others: readonly string[],
  use: (folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'tinyseek-installed-'));
  try {
    npm(root, 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder);
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }));
    npm(folder, 'install', '--omit=dev', '--no-audit', '--no-fund', `./${tarball}`, ...others);
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
