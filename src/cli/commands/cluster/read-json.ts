// JSON files that the user names.

import { UserError } from '../../../errors.ts';
import { readRegularFile } from '../../../io/regular-file.ts';

/** More than any trace or table of loads needs. */
const maxBytes = 400e6;

/** The text of a file; `what` begins messages. @throws {UserError} if it cannot be read */
export function readText(path: string, what: string): string {
  return readRegularFile(path, `${what}: cannot read`, maxBytes).toString('utf8');
}

/** The value in a JSON file. @throws {UserError} that says what was `expected` if it holds none */
export function readJson(path: string, what: string, expected: string): unknown {
  const text = readText(path, what);
  try {
    return JSON.parse(text);
  } catch {
    throw new UserError(`${what}: ${path}: not valid JSON; ${expected}`);
  }
}
