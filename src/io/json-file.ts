// Files that hold one JSON object.

import { join } from 'node:path';
import { readJsonBytes } from './inside-folder.ts';
import { type JsonObject, jsonText, parseJsonObject } from './json.ts';
import { replaceFile } from './replace-file.ts';

/** Reads a file of a model or run folder that must hold one JSON object; `what` starts the message of an error. */
export function readJsonFile(folder: string, name: string, what: string): JsonObject {
  return parseJsonObject(readJsonBytes(folder, name, what), `${what}: ${join(folder, name)}`);
}

/** Writes a JSON file in one step: it is whole or not there. `what` starts the message of the `UserError` otherwise. */
export function writeJsonFile(path: string, value: object, what: string): void {
  replaceFile(path, jsonText(value), what);
}
