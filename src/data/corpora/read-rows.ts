// The rows of a file, by its ending: JSON Lines, a JSON list, or a table.

import { UserError } from '../../errors.ts';
import { csvRows } from './csv.ts';
import { linesOf } from './lines.ts';

/** A row of a file. */
export interface Row {
  readonly value: unknown;
  /** Names the file and the line, to begin a message with. */
  readonly where: string;
}

/** Largest `.json` file, in characters: unlike lines, it has to be read as a whole. */
const largestJson = 1 << 28;

/** The rows of JSON Lines; empty lines are none. */
export async function* jsonLines(blocks: AsyncIterable<string>, where: string): AsyncGenerator<Row> {
  for await (const { text, number } of linesOf(blocks, where)) {
    if (text.trim() === '') continue;
    const place = `${where}: line ${number}`;
    yield { value: parseJson(text, place), where: place };
  }
}

/** The text of a file that has to be read as a whole. */
export async function wholeText(blocks: AsyncIterable<string>, where: string): Promise<string> {
  const parts: string[] = [];
  let length = 0;
  for await (const block of blocks) {
    parts.push(block);
    length += block.length;
    if (length > largestJson) {
      throw new UserError(`${where}: has more than ${largestJson} characters; write its rows as JSON Lines (.jsonl)`);
    }
  }
  return parts.join('');
}

/** The rows of a table, whose first line has the names of the columns; an empty cell is a missing text. */
export async function* tableRows(blocks: AsyncIterable<string>, separator: string, where: string): AsyncGenerator<Row> {
  let names: readonly string[] | null = null;
  let number = 0;
  for await (const cells of csvRows(blocks, separator, where)) {
    number++;
    if (names === null) names = cells.map((name) => name.trim());
    else {
      const entries = names.map((name, i) => [name, cells[i] === '' ? null : (cells[i] ?? null)] as const);
      yield { value: Object.fromEntries(entries), where: `${where}: row ${number}` };
    }
  }
}

export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const start = text.trim().slice(0, 60);
    throw new UserError(
      `${where}: not JSON: ${start}${text.trim().length > 60 ? '...' : ''}; expected one object a line, such as {"text": "..."}`,
    );
  }
}
