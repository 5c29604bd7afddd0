// One file of the user's as documents, by its ending: JSON Lines, JSON, a table, or plain text.

import { extname } from 'node:path';
import type { ReadingOptions } from '../corpus.ts';
import { cutIntoPieces, type Piece } from '../pieces.ts';
import type { Remarks } from '../remarks.ts';
import { isPacked, readBytes } from './read-bytes.ts';
import { decodeText } from './read-text.ts';
import { jsonLines, parseJson, type Row, tableRows, wholeText } from './read-rows.ts';
import { type RowText, textOfRow } from './rows.ts';
import { divideAt, divideAtEndTokens } from './separators.ts';

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
    return rowDocuments(texts(jsonLines(blocks, where), textKey), file, remarks);
  if (ending === '.json') return jsonDocuments(blocks, file, textKey, remarks);
  if (ending === '.csv') return rowDocuments(texts(tableRows(blocks, ',', where), textKey), file, remarks);
  if (ending === '.tsv') return rowDocuments(texts(tableRows(blocks, '\t', where), textKey), file, remarks);
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

async function* texts(rows: AsyncIterable<Row>, textKey: string): AsyncGenerator<RowText> {
  for await (const { value, where } of rows) yield textOfRow(value, textKey, where);
}

/** A list of rows; anything else is plain text. */
async function* jsonDocuments(
  blocks: AsyncIterable<string>,
  file: string,
  textKey: string,
  remarks: Remarks | undefined,
): AsyncGenerator<Piece> {
  const where = `data: ${file}`;
  const text = await wholeText(blocks, where);
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
