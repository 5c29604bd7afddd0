// A study by its name, or from a file that somebody wrote: YAML or JSON, or a module whose default export it is.

import { existsSync, readFileSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { closest } from 'fastest-levenshtein';
import { UserError } from '../errors.ts';
import { explainFsErrors } from '../io/file-system.ts';
import { parseYaml } from '../io/yaml.ts';
import { studies } from './studies/index.ts';
import type { Study } from './study.ts';
import { checkStudy } from './study-schema.ts';

const dataFile = /\.(ya?ml|json)$/i;
const moduleFile = /\.[cm]?[jt]s$/i;

export interface LoadedStudy {
  readonly study: Study;
  /** Its name, or the absolute path of its file: what `loadStudy` takes to load it again from any folder. */
  readonly source: string;
}

/**
 * Loads a study by name or from a file; anything else is a `UserError`. A file without a name is named after itself.
 */
export async function loadStudy(nameOrFile: string): Promise<LoadedStudy> {
  const known = studies.find(({ name }) => name === nameOrFile);
  if (known !== undefined) return { study: known, source: known.name };
  const source = resolve(nameOrFile);
  if (!dataFile.test(nameOrFile) && !moduleFile.test(nameOrFile)) throw unknownStudy(nameOrFile);
  const value = dataFile.test(nameOrFile) ? readDataFile(source, nameOrFile) : await importModule(source, nameOrFile);
  return { study: checkStudy(value, nameOrFile, basename(nameOrFile, extname(nameOrFile))), source };
}

function unknownStudy(name: string): UserError {
  const names = studies.map((study) => study.name);
  return new UserError(
    `study ${JSON.stringify(name)}: there is none of that name; did you mean ${closest(name, names)}? ` +
      `Studies: ${names.join(', ')}; or name a .yaml, .ts or .js file`,
  );
}

function readDataFile(path: string, name: string): unknown {
  const text = explainFsErrors('study: cannot read', path, () => readFileSync(path, 'utf8'));
  return parseYaml(text, `study ${name}`);
}

async function importModule(path: string, name: string): Promise<unknown> {
  if (!existsSync(path)) throw new UserError(`study: cannot read ${name}: there is no such file`);
  try {
    const module: { readonly default?: unknown } = await import(pathToFileURL(path).href);
    if (module.default !== undefined) return module.default;
  } catch (error) {
    throw new UserError(
      `study ${name}: cannot be imported: ${error instanceof Error ? error.message : String(error)}` +
        (/\.[cm]?ts$/i.test(name) ? '; TypeScript needs Node 22.18 or newer, or compile the file first' : ''),
      { cause: error },
    );
  }
  throw new UserError(`study ${name}: has no default export; write \`export default { title: ..., arms: [...] }\``);
}
