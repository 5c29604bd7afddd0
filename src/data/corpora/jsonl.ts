// JSON Lines: one document a line, in the field `text` or `content`.

import { UserError } from '../../errors.ts';

/** The documents of a `.jsonl` file; blank lines are skipped. Errors name the line, counted from 1. */
export function parseJsonl(text: string, where: string): string[] {
  const lines = text.split('\n').map((line, i) => ({ line, where: `${where}: line ${i + 1}` }));
  return lines.filter(({ line }) => line.trim() !== '').map((entry) => documentOf(entry.line, entry.where));
}

function documentOf(line: string, where: string): string {
  const value = parseJson(line, where);
  if (typeof value === 'object' && value !== null) {
    if ('text' in value && typeof value.text === 'string') return value.text;
    if ('content' in value && typeof value.content === 'string') return value.content;
  }
  throw new UserError(`${where}: expected an object with a string in "text" or "content", found ${excerpt(line)}`);
}

function parseJson(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new UserError(`${where}: not JSON: ${excerpt(line)}; expected one object a line, such as {"text": "..."}`);
  }
}

function excerpt(line: string): string {
  const trimmed = line.trim();
  return trimmed.length <= 60 ? trimmed : `${trimmed.slice(0, 60)}...`;
}
