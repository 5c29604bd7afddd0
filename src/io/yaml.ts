// YAML (and with it JSON) that somebody wrote.

import { parseDocument } from 'yaml';
import { UserError } from '../errors.ts';

/** Characters of a file of settings or of a study, at most; the longest ones have a few thousand. */
const maxCharacters = 1 << 20;

/**
 * The value of a YAML text; undefined for an empty one.
 *
 * @param where the start of messages.
 * @throws UserError that names the place, also for aliases that lead nowhere or multiply without end.
 */
export function parseYaml(text: string, where: string): unknown {
  if (text.length > maxCharacters) {
    throw new UserError(
      `${where}: ${text.length} characters, and at most ${maxCharacters} make sense; is it that file?`,
    );
  }
  try {
    const document = parseDocument(text, { logLevel: 'error' }); // what else there is to say, the schema says better
    const [error] = document.errors;
    if (error !== undefined) throw error;
    return document.toJS() ?? undefined;
  } catch (error) {
    const problem = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UserError(`${where}: not valid YAML: ${problem}`, { cause: error });
  }
}
