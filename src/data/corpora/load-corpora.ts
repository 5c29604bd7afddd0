// From a `--data` specification to labelled documents.

import { existsSync, statSync } from 'node:fs';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';
import type { Corpus, ReadingOptions } from '../corpus.ts';
import { memorySource, textInMemory } from '../documents.ts';
import { listCorpora, loadBuiltIn } from './built-in.ts';
import { parseDataSpec } from './spec.ts';
import { fileSource, findUserFiles } from './user-files.ts';

/**
 * Finds every source of a specification; files are read when their documents are.
 *
 * Built-in names come first; a file or folder of the same name is reached as `./name`.
 *
 * @throws UserError for an unknown name (with the nearest one) and a missing file; reading the documents throws one for
 * an empty, binary or non-UTF-8 file, and for a row without text.
 */
export function loadCorpora(spec: string, options: ReadingOptions = {}): Corpus[] {
  const labels = new Map<string, number>();
  return parseDataSpec(spec, existsSync).map(({ source, weight }) => {
    const found = findBuiltIn(source) ?? findFiles(source, options) ?? unknownSource(source);
    const label = domainLabel(source);
    const uses = (labels.get(label) ?? 0) + 1;
    labels.set(label, uses);
    return { domain: uses === 1 ? label : `${label}-${uses}`, weight, ...found };
  });
}

type Found = Pick<Corpus, 'documents' | 'notes'>;

function findBuiltIn(name: string): Found | undefined {
  const texts = loadBuiltIn(name);
  if (texts === undefined) return undefined;
  const hidden = statSync(name, { throwIfNoEntry: false });
  const kind = hidden?.isDirectory() ? 'folder' : 'file';
  const note = `data: ${name} is the built-in corpus; the ${kind} of that name here is not read; write ./${name} for it`;
  return { documents: memorySource(texts), notes: hidden === undefined ? [] : [note] };
}

function findFiles(source: string, options: ReadingOptions): Found | undefined {
  const found = findUserFiles(source);
  if (found === undefined) return undefined;
  return { documents: fileSource(source, found.files, options), notes: found.notes };
}

function domainLabel(source: string): string {
  const plain = source.split(/[\\/]/).filter((part) => part !== '' && !/^\.+$|[*?{}[\]!()]/.test(part));
  return (
    plain
      .at(-1)
      ?.replace(/(.)\.gz$/i, '$1')
      .replace(/(.)\.[^.]*$/, '$1') ?? 'text'
  );
}

function unknownSource(source: string): never {
  if (source === textInMemory) {
    throw new UserError(
      'data: the model was trained on documents or a dataset that a program had in memory; ' +
        'give the same again, or name another text with --data',
    );
  }
  if (/[\\/.]/.test(source)) throw new UserError(`data: no such file or folder: ${source}; check the path`);
  const names = listCorpora().map((corpus) => corpus.name);
  throw new UserError(
    `data: unknown corpus "${source}"; did you mean "${closest(source, names)}"? Built in are ${names.join(', ')}; ` +
      'anything else is the path of a file, a folder or a glob',
  );
}
