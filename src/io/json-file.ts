// Files that hold one JSON object.

import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { UserError } from '../errors.ts';
import { explainFsErrors } from './file-system.ts';
import { type JsonObject, jsonText, parseJsonObject } from './json.ts';

/** Largest JSON file that is read: tokenizers of a quarter of a million tokens have some 30 MB. */
const maxJsonBytes = 256 << 20;

/** Reads a file that must hold one JSON object. */
export function readJsonFile(path: string, what: string): JsonObject {
  const bytes = explainFsErrors(`${what}: cannot read`, path, () => {
    const { size } = statSync(path);
    if (size > maxJsonBytes) throw new UserError(`${what}: ${path} has ${size} bytes, too many for a JSON file`);
    return readFileSync(path);
  });
  return parseJsonObject(bytes, `${what}: ${path}`);
}

/** Where the text of a JSON file is until it is complete; left there by a process that was killed meanwhile. */
export const unfinishedPath = (path: string) => `${path}.tmp`;

/** Writes a JSON file in one step: it is whole or not there. `what` starts the message of the `UserError` otherwise. */
export function writeJsonFile(path: string, value: object, what: string): void {
  explainFsErrors(`${what}: cannot write`, path, () => {
    writeFileSync(unfinishedPath(path), jsonText(value));
    renameSync(unfinishedPath(path), path);
  });
}
