// The files of a model folder besides config, weights and `tokenizer.json`: which of them go on to a folder that is
// written from it, word for word, and which stay behind.

import { readdirSync } from 'node:fs';
import {
  configFile,
  generationFile,
  indexFile,
  optimizerFile,
  tokenizerConfigFile,
  tokenizerFile,
  trainerFile,
} from '../io/file-names.ts';
import { explainFsErrors } from '../io/file-system.ts';
import { readJsonBytes, readText } from '../io/inside-folder.ts';

/** Files that say what the model, its tokens and its prompts are. */
const describing: readonly RegExp[] = [
  new RegExp(`^(?:${tokenizerConfigFile}|${generationFile})$`.replaceAll('.', '\\.')),
  /^chat_template\.(?:jinja|json)$/,
  /^(?:special_tokens_map|added_tokens|vocab)\.json$/,
  /^merges\.txt$/,
  /^(?:LICENSE|LICENCE|NOTICE|USE_POLICY)/i,
  /^README\.md$/,
];

/** Files that are written anew, or that belong to the run and not to the model. */
const made = new Set([configFile, tokenizerFile, indexFile, optimizerFile, trainerFile]);

export interface DescribedFiles {
  /** Contents by name. */
  readonly files: ReadonlyMap<string, string>;
  /** Names of what is left out. */
  readonly leftOut: readonly string[];
}

/** Reads the files that go on, and lists the others. @throws UserError if one of them cannot be read. */
export function readDescribedFiles(folder: string): DescribedFiles {
  const entries = explainFsErrors('model folder: cannot read', folder, () =>
    readdirSync(folder, { withFileTypes: true }),
  );
  const others = entries.filter(({ name }) => !made.has(name) && !/^\.|\.safetensors$/.test(name));
  const kept = others.filter((entry) => !entry.isDirectory() && describing.some((pattern) => pattern.test(entry.name)));
  const files = new Map(kept.map(({ name }) => [name, contentsOf(folder, name)]));
  const leftOut = others.map(({ name }) => name).filter((name) => !files.has(name));
  return { files, leftOut: leftOut.sort() };
}

/** Vocabularies are larger than other texts. */
function contentsOf(folder: string, name: string): string {
  const what = 'model folder';
  return name.endsWith('.json') ? readJsonBytes(folder, name, what).toString('utf8') : readText(folder, name, what);
}
