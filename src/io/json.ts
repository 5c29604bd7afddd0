// JSON as we write it, and reading what may be damaged or forged: what `JSON.parse` lets pass is checked here.

import { UserError } from '../errors.ts';

/** A JSON object, its values unchecked. */
export type JsonObject = Record<string, unknown>;

/** JSON as all of our files have it. */
export function jsonText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Whether a value is an object, and not an array or null. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A parsed value, short enough for a message; it looks one level deep, since nesting may be hostile. */
export function showJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.slice(0, 8).map(showItem)}${value.length > 8 ? ',...' : ''}]`;
  return showItem(value);
}

/** Parses UTF-8 bytes that must be one JSON object; `where` starts the message of the `UserError` otherwise. */
export function parseJsonObject(bytes: Uint8Array, where: string): JsonObject {
  const value = parseJson(bytes, where);
  if (!isJsonObject(value)) throw new UserError(`${where}: expected a JSON object, found ${showJson(value)}`);
  return value;
}

/**
 * The first key that occurs twice in one object of a JSON text, or null.
 *
 * `JSON.parse` keeps the last of them without a word. The text must be valid JSON.
 */
export function duplicateKey(text: string): string | null {
  const open: (Set<string> | null)[] = []; // a set of keys per object that is open here, null per array
  for (const [token, isKey] of jsonTokens(text)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (isKey) {
      const key = String(JSON.parse(token));
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return null;
}

/** Strings and brackets of a JSON text; a string is a key if a colon follows. */
function* jsonTokens(text: string): Generator<[token: string, isKey: boolean]> {
  for (const match of text.matchAll(/("[^"\\]*(?:\\.[^"\\]*)*")(\s*:)?|[{}[\]]/g)) {
    yield [match[1] ?? match[0], match[2] !== undefined];
  }
}

function showItem(value: unknown): string {
  if (Array.isArray(value)) return '[...]';
  if (isJsonObject(value)) return '{...}';
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 200);
}

/** Levels of nesting that are read: what writes or compares a value calls itself for each of them. */
const maxDepth = 500;

/** Refuses deep nesting, which `JSON.parse` reads and most other functions do not survive. */
function checkDepth(bytes: Uint8Array, where: string): void {
  let depth = 0;
  let isInText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (isInText) {
      if (byte === 0x5c)
        at++; // a backslash: what follows is part of the text
      else if (byte === 0x22) isInText = false;
    } else if (byte === 0x22) isInText = true;
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) depth--;
    if (depth > maxDepth)
      throw new UserError(`${where}: expected JSON of at most ${maxDepth} levels, found more at byte ${at}`);
  }
}

function parseJson(bytes: Uint8Array, where: string): unknown {
  checkDepth(bytes, where);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'the text is not UTF-8';
    throw new UserError(`${where}: expected JSON: ${reason}`, { cause: error });
  }
}
