// From a `--data` specification to labelled documents.

import { closest } from 'fastest-levenshtein';
import { UserError } from '../../errors.ts';
import { textInMemory } from '../documents.ts';
import { listCorpora, loadBuiltIn } from './built-in.ts';
import { parseDataSpec } from './spec.ts';
import { loadUserText } from './user-files.ts';

/** The text of one domain. */
export interface Corpus {
  /** Name of the domain in metrics: the built-in's name, or the last plain part of the path (`notes/*.md`: `notes`). */
  readonly domain: string;
  /** Share of the training rows, relative to the other domains. */
  readonly weight: number;
  readonly documents: readonly string[];
}

/**
 * Reads every source of a specification.
 *
 * Built-in names come first; a file of the same name is reached as `./name`.
 *
 * @throws UserError for an unknown name (with the nearest one), a missing, empty, binary or non-UTF-8 file, and a JSON
 * line without text.
 */
export function loadCorpora(spec: string): Corpus[] {
  const labels = new Map<string, number>();
  return parseDataSpec(spec).map(({ source, weight }) => {
    const documents = loadBuiltIn(source) ?? loadUserText(source) ?? unknownSource(source);
    const label = domainLabel(source);
    const uses = (labels.get(label) ?? 0) + 1;
    labels.set(label, uses);
    return { domain: uses === 1 ? label : `${label}-${uses}`, weight, documents };
  });
}

function domainLabel(source: string): string {
  const plain = source.split(/[\\/]/).filter((part) => part !== '' && !/^\.+$|[*?{}[\]!()]/.test(part));
  return plain.at(-1)?.replace(/(.)\.[^.]*$/, '$1') ?? 'text';
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
