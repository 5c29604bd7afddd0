// The user's own texts: files, folders and globs.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { UserError } from '../../errors.ts';
import { parseJsonl } from './jsonl.ts';
import { decodeText } from './read-text.ts';

const folderPattern = '**/*.{txt,md,jsonl}';

/**
 * The documents of a file, a folder or a glob, in the order of their paths; undefined if nothing has that path and the
 * source is no glob.
 *
 * A file is one document (`.jsonl`: each line). A folder stands for the `.txt`, `.md` and `.jsonl` files below it; a
 * file that is named, or matched by a glob, is read as text whatever its ending. Blank documents are left out.
 */
export function loadUserText(source: string): string[] | undefined {
  const files = resolveFiles(source);
  if (files === undefined) return undefined;
  const documents = files.flatMap(readDocuments).filter((text) => text.trim() !== '');
  if (documents.length === 0) throw new UserError(`data: ${source} is empty; expected at least one document with text`);
  return documents;
}

function resolveFiles(source: string): string[] | undefined {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat?.isFile()) return [source];
  if (stat?.isDirectory()) return matchedFiles(source, folderPattern, { cwd: source });
  const pattern = process.platform === 'win32' ? source.replaceAll('\\', '/') : source;
  return isDynamicPattern(pattern) ? matchedFiles(source, pattern, {}) : undefined;
}

function matchedFiles(source: string, pattern: string, options: { cwd?: string }): string[] {
  const files = globSync(pattern, { ...options, expandDirectories: false });
  if (files.length === 0) throw new UserError(`data: no file matches ${describe(source, pattern)}; check the path`);
  return files.sort().map((file) => join(options.cwd ?? '', file));
}

function describe(source: string, pattern: string): string {
  return pattern === folderPattern ? `${join(source, pattern)}` : source;
}

function readDocuments(file: string): string[] {
  const where = `data: ${file}`;
  const text = decodeText(readBytes(file), where);
  return file.toLowerCase().endsWith('.jsonl') ? parseJsonl(text, where) : [text];
}

function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new UserError(`data: ${file} cannot be read; check its permissions`, { cause });
  }
}
