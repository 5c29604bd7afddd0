// YAML as people write it: anchors, aliases and merge keys (`<<`), and scalars as the schema wants them.

import { isScalar, parseDocument, visit } from 'yaml';
import { UserError } from '../errors.ts';

/** Most nodes that aliases may stand for together: a bomb of aliases has billions. */
const maxAliases = 1000;

/**
 * The value of a YAML (or JSON) document; undefined if it is empty.
 *
 * A mapping may take the keys of others with `<<`, as in YAML 1.1 and in the files of most tools; its own keys win.
 *
 * @param isText says of a key whether its value is a text, which is taken as it is written: `seed: 7` is a number, and
 * `data: 1984` a text.
 * @throws UserError that begins with `where` and names the line.
 */
export function parseYaml(text: string, where: string, isText: (key: string) => boolean = () => false): unknown {
  const document = parseDocument(text, { merge: true });
  const [error] = document.errors;
  if (error !== undefined) throw new UserError(`${where}: not valid YAML: ${error.message.split('\n')[0]}`);
  visit(document, {
    Pair: (_, { key, value }) => {
      if (!isScalar(key) || !isScalar(value) || !isText(String(key.value))) return;
      // An empty value and a null stay what they are, so that the schema can refuse them.
      if (value.value !== null && typeof value.value !== 'string') value.value = value.source ?? String(value.value);
    },
  });
  try {
    return document.toJS({ maxAliasCount: maxAliases }) ?? undefined;
  } catch (cause) {
    throw new UserError(`${where}: not usable YAML: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}
