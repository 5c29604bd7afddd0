// One file of the user's as documents, by its ending: JSON Lines, JSON, a table, or plain text.

import { extname } from 'node:path';
import { UserError } from '../../errors.ts';
import type { ReadingOptions } from '../corpus.ts';
import { cutIntoPieces, type Piece } from '../pieces.ts';
import type { Remarks } from '../remarks.ts';
import { csvRows } from './csv.ts';
import { linesOf } from './lines.ts';
import { isPacked, readBytes } from './read-bytes.ts';
import { decodeText } from './read-text.ts';
import { type RowText, textOfRow } from './rows.ts';
import { divideAt, divideAtEndTokens } from './separators.ts';

/** Largest `.json` file, in characters: unlike lines, it has to be read as a whole. */
const largestJson = 1 << 28;

/** The ending of a file in lower case, without `.gz`. */
export function endingOf(file: string): string {
  const name = isPacked(file) ? file.slice(0, -'.gz'.length) : file;
  return extname(name).toLowerCase();
}

/**
 * The documents of a file; blank ones are left out.
 *
 * @throws UserError that names the file, and the line or the byte where there is one.
 */
export function readDocumentsOf(
  file: string,
  { textKey = '', documentSeparator = '' }: ReadingOptions,
  remarks: Remarks | undefined,
): AsyncIterable<Piece> {
  const where = `data: ${file}`;
  const blocks = decodeText(readBytes(file), where);
  const ending = endingOf(file);
  if (ending === '.jsonl' || ending === '.ndjson')
    return rowDocuments(jsonLines(blocks, where, textKey), file, remarks);
  if (ending === '.json') return jsonDocuments(blocks, file, textKey, remarks);
  if (ending === '.csv') return rowDocuments(tableRows(blocks, ',', where, textKey), file, remarks);
  if (ending === '.tsv') return rowDocuments(tableRows(blocks, '\t', where, textKey), file, remarks);
  if (documentSeparator !== '') return divideAt(documentSeparator, blocks, file, remarks);
  return divideAtEndTokens(blocks, file, remarks);
}

async function* rowDocuments(
  rows: AsyncIterable<RowText>,
  file: string,
  remarks: Remarks | undefined,
): AsyncGenerator<Piece> {
  let [missing, conversations] = [0, 0];
  for await (const { text, isConversation } of rows) {
    if (text === null) missing++;
    else yield* cutIntoPieces(text);
    if (isConversation) conversations++;
  }
  remarks?.add('rows without a text (null) were skipped', missing, file);
  remarks?.add('conversations were read as transcripts (`User:`, `Assistant:`)', conversations, file);
}

async function* jsonLines(blocks: AsyncIterable<string>, where: string, textKey: string): AsyncGenerator<RowText> {
  for await (const { text, number } of linesOf(blocks, where)) {
    if (text.trim() === '') continue;
    const place = `${where}: line ${number}`;
    yield textOfRow(parseJson(text, place), textKey, place);
  }
}

/** A list of rows; anything else is plain text. */
async function* jsonDocuments(
  blocks: AsyncIterable<string>,
  file: string,
  textKey: string,
  remarks: Remarks | undefined,
): AsyncGenerator<Piece> {
  const where = `data: ${file}`;
  const parts: string[] = [];
  let length = 0;
  for await (const block of blocks) {
    parts.push(block);
    length += block.length;
    if (length > largestJson) {
      throw new UserError(`${where}: has more than ${largestJson} characters; write its rows as JSON Lines (.jsonl)`);
    }
  }
  const text = parts.join('');
  const value = parseJson(text, where);
  if (!Array.isArray(value)) {
    remarks?.add('JSON file is not a list of rows, and was read as plain text', 1, file);
    yield* cutIntoPieces(text);
    return;
  }
  const rows = value.map((row: unknown, i) => textOfRow(row, textKey, `${where}: row ${i + 1}`));
  yield* rowDocuments(inTurn(rows), file, remarks);
}

async function* inTurn<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

/** The rows of a table, whose first line has the names of the columns; an empty cell is a missing text. */
async function* tableRows(
  blocks: AsyncIterable<string>,
  separator: string,
  where: string,
  textKey: string,
): AsyncGenerator<RowText> {
  let names: readonly string[] | null = null;
  let number = 0;
  for await (const cells of csvRows(blocks, separator, where)) {
    number++;
    if (names === null) names = cells.map((name) => name.trim());
    else {
      const entries = names.map((name, i) => [name, cells[i] === '' ? null : (cells[i] ?? null)] as const);
      yield textOfRow(Object.fromEntries(entries), textKey, `${where}: row ${number}`);
    }
  }
}

function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const start = text.trim().slice(0, 60);
    throw new UserError(
      `${where}: not JSON: ${start}${text.trim().length > 60 ? '...' : ''}; expected one object a line, such as {"text": "..."}`,
    );
  }
}
