// A folder for one test file, removed afterwards.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';

/** Makes the folder; `write` puts a file into it and returns its path. */
export function tempFolder() {
  const path = mkdtempSync(join(tmpdir(), 'tinyseek-data-'));
  afterAll(() => rmSync(path, { recursive: true, force: true }));
  const write = (name: string, contents: string | Uint8Array): string => {
    const file = join(path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, contents);
    return file;
  };
  return { path, write };
}
