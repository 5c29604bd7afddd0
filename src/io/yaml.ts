// YAML (and with it JSON) as people write it: anchors, aliases and merge keys (`<<`), and scalars as the schema wants
// them.

import { isScalar, parseDocument, visit } from 'yaml';
import { UserError } from '../errors.ts';

/** Most nodes that aliases may stand for together: a bomb of aliases has billions. */
const maxAliases = 1000;

/** Characters of a file of settings or of a study, at most; the longest ones have a few thousand. */
const maxCharacters = 1 << 20;

/**
 * The value of a YAML (or JSON) document; undefined if it is empty.
 *
 * A mapping may take the keys of others with `<<`, as in YAML 1.1 and in the files of most tools; its own keys win.
 *
 * @param where the start of messages.
 * @param isText says of a key whether its value is a text, which is taken as it is written: `seed: 7` is a number, and
 * `data: 1984` a text.
 * @throws UserError that names the place, also for aliases that lead nowhere or multiply without end.
 */
export function parseYaml(text: string, where: string, isText: (key: string) => boolean = () => false): unknown {
  if (text.length > maxCharacters) {
    throw new UserError(
      `${where}: ${text.length} characters, and at most ${maxCharacters} make sense; is it that file?`,
    );
  }
  try {
    const document = parseDocument(text, { merge: true, logLevel: 'error' }); // the schema says the rest better
    const [error] = document.errors;
    if (error !== undefined) throw error;
    visit(document, {
      Pair: (_, { key, value }) => {
        if (!isScalar(key) || !isScalar(value) || !isText(String(key.value))) return;
        // An empty value and a null stay what they are, so that the schema can refuse them.
        if (value.value !== null && typeof value.value !== 'string') value.value = value.source ?? String(value.value);
      },
    });
    return document.toJS({ maxAliasCount: maxAliases }) ?? undefined;
  } catch (error) {
    const problem = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new UserError(`${where}: not valid YAML: ${problem}`, { cause: error });
  }
}
