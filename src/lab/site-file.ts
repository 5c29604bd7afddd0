// A file that the lab's server sends: from its own folders or a model folder, never from outside.

import { existsSync } from 'node:fs';
import { extname, join } from 'node:path';
import { UserError } from '../errors.ts';
import { fileInside } from '../io/inside-folder.ts';
import { readRegularFile } from '../io/regular-file.ts';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.wasm': 'application/wasm',
  '.json': 'application/json',
};

const mostBytes = 2 ** 30;

/** The contents of a file below a folder, or null where there is none that may be sent. */
export function readSiteFile(folder: string, path: string): { readonly type: string; readonly bytes: Buffer } | null {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  const inner = join(folder, ...parts);
  if (!parts.every((part) => /^\w[\w-]*$/.test(part)) || !existsSync(join(inner, name))) return null;
  try {
    const bytes = readRegularFile(fileInside(inner, name, 'lab'), 'lab: cannot read', mostBytes);
    return { type: types[extname(name)] ?? 'application/octet-stream', bytes };
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
