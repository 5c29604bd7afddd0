// The user's own texts: files, folders and globs.

import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { globSync, isDynamicPattern } from 'tinyglobby';
import { UserError } from '../../errors.ts';
import type { ReadingOptions } from '../corpus.ts';
import type { DocumentSource } from '../documents.ts';
import type { Remarks } from '../remarks.ts';
import { endingOf, readDocumentsOf } from './read-documents.ts';

/** The endings, in small or capital letters, of the files that a folder stands for. */
const folderEndings = ['.txt', '.md', '.jsonl', '.ndjson'];

/** The files of a source, and what is worth knowing of their choice. */
export interface FoundFiles {
  readonly files: readonly string[];
  readonly notes: readonly string[];
}

/**
 * The files that a path, a folder or a glob stands for, in the order of their paths; undefined if nothing has that path
 * and the source is no glob.
 *
 * A folder stands for the text files below it (`folderEndings`, also packed as `.gz`); what it leaves out is counted in
 * a note. Links are followed, and a file or folder that is reached twice counts once.
 */
export function findUserFiles(source: string): FoundFiles | undefined {
  const stat = statSync(source, { throwIfNoEntry: false });
  if (stat?.isFile()) return { files: [source], notes: [] };
  if (stat?.isDirectory()) return filesOfFolder(source);
  if (stat !== undefined) {
    throw new UserError(`data: ${source} is neither a file nor a folder; write the text into a file first`);
  }
  const pattern = process.platform === 'win32' ? source.replaceAll('\\', '/') : source;
  return isDynamicPattern(pattern) ? filesOfGlob(source, pattern) : undefined;
}

/** The documents of some files; blank ones are left out. */
export function fileSource(source: string, files: readonly string[], options: ReadingOptions): DocumentSource {
  return {
    isTokenised: false,
    read: async function* (remarks?: Remarks) {
      let isEmpty = true;
      for (const file of files) {
        for await (const piece of readDocumentsOf(file, options, remarks)) {
          isEmpty = false;
          yield piece;
        }
      }
      if (isEmpty) throw new UserError(`data: ${source} is empty; expected at least one document with text`);
    },
  };
}

function filesOfFolder(folder: string): FoundFiles {
  const all = listFiles(folder).sort();
  const isText = (file: string) => folderEndings.includes(endingOf(file));
  const { files, repeated } = once(all.filter(isText).map((file) => join(folder, file)));
  const leftOut = describeEndings(all.filter((file) => !isText(file)));
  if (files.length === 0) {
    const found = leftOut === '' ? '' : ` (there is ${leftOut})`;
    throw new UserError(
      `data: no file matches ${join(folder, `**/*.{${folderEndings.map((ending) => ending.slice(1)).join(',')}}`)}` +
        `${found}; check the path, or name the files themselves`,
    );
  }
  const note = `data: ${folder}: left out by their endings: ${leftOut}; name files themselves to read them`;
  return { files, notes: [...(leftOut === '' ? [] : [note]), ...repeatedNote(folder, repeated)] };
}

function filesOfGlob(source: string, pattern: string): FoundFiles {
  const found = globSync(pattern, { expandDirectories: false, caseSensitiveMatch: false });
  if (found.length === 0) throw new UserError(`data: no file matches ${source}; check the path`);
  const { files, repeated } = once(found.sort());
  return { files, notes: repeatedNote(source, repeated) };
}

/** Paths below a folder, relative to it, with `/`; names that begin with a dot are hidden. */
function listFiles(root: string): string[] {
  const visited = new Set<string>();
  const list = (folder: string): string[] => {
    const path = join(root, folder);
    const real = realpathSync(path);
    if (visited.has(real)) return [];
    visited.add(real);
    const names = readdirSync(path).filter((name) => !name.startsWith('.'));
    return names.flatMap((name) => {
      const below = folder === '' ? name : `${folder}/${name}`;
      const stat = statSync(join(root, below), { throwIfNoEntry: false });
      if (stat?.isDirectory()) return list(below);
      return stat?.isFile() ? [below] : [];
    });
  };
  return list('');
}

/** Paths without those that lead to a file that an earlier one leads to. */
function once(paths: readonly string[]): { readonly files: string[]; readonly repeated: number } {
  const byFile = new Map<string, string>();
  for (const path of paths) {
    const real = existsSync(path) ? realpathSync(path) : path;
    if (!byFile.has(real)) byFile.set(real, path);
  }
  return { files: [...byFile.values()], repeated: paths.length - byFile.size };
}

function repeatedNote(source: string, repeated: number): string[] {
  if (repeated === 0) return [];
  return [`data: ${source}: links to files that are read already were left out: ${repeated}`];
}

/** `.pdf (2), .log (1)`, the most frequent first; empty if there are none. */
function describeEndings(files: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const file of files) {
    const ending = extname(file) || 'no ending';
    counts.set(ending, (counts.get(ending) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1]);
  const shown = sorted.slice(0, 6).map(([ending, count]) => `${ending} (${count})`);
  return [...shown, ...(sorted.length > 6 ? [`${sorted.length - 6} more endings`] : [])].join(', ');
}
