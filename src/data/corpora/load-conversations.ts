// Conversations to learn from, out of the user's own files: JSON Lines, a JSON list, CSV or TSV, in the forms that
// other programs write.

import { existsSync } from 'node:fs';
import { UserError } from '../../errors.ts';
import type { Turn } from '../transcript.ts';
import { readBytes } from './read-bytes.ts';
import { endingOf } from './read-documents.ts';
import { jsonLines, parseJson, type Row, tableRows, wholeText } from './read-rows.ts';
import { decodeText } from './read-text.ts';
import { turnsOfRow } from './rows.ts';
import { parseDataSpec } from './spec.ts';
import { findUserFiles } from './user-files.ts';

/** A conversation, and the row of a file that it comes from. */
export interface ConversationRow {
  readonly turns: readonly Turn[];
  /** Begins messages about it: `data: chats.jsonl: line 3`. */
  readonly where: string;
}

/** The conversations of one source. */
export interface ConversationSource {
  /** The source as it was written. */
  readonly name: string;
  /** How often an epoch has each of its conversations: 2 is twice, 0.5 is half of them. */
  readonly weight: number;
  readonly rows: readonly ConversationRow[];
  /** What is worth knowing of the choice of its files. */
  readonly notes: readonly string[];
}

/**
 * Reads every source of a specification such as `chats.jsonl:2,problems/*.jsonl`.
 *
 * @throws UserError for a missing file, for one of another kind, and for a row without a question and an answer.
 */
export async function loadConversations(spec: string): Promise<ConversationSource[]> {
  const sources: ConversationSource[] = [];
  for (const { source, weight } of parseDataSpec(spec, existsSync)) {
    const found = findUserFiles(source);
    if (found === undefined) throw new UserError(`data: no such file or folder: ${source}; check the path`);
    const rows: ConversationRow[] = [];
    for (const file of found.files) {
      for await (const { value, where } of rowsOf(file)) {
        const turns = turnsOfRow(value, where);
        if (turns !== null) rows.push({ turns, where });
      }
    }
    if (rows.length === 0) throw new UserError(`data: ${source} has no conversations; expected at least one row`);
    sources.push({ name: source, weight, rows, notes: found.notes });
  }
  return sources;
}

async function* rowsOf(file: string): AsyncGenerator<Row> {
  const where = `data: ${file}`;
  const blocks = decodeText(readBytes(file), where);
  switch (endingOf(file)) {
    case '.jsonl':
    case '.ndjson':
      return yield* jsonLines(blocks, where);
    case '.csv':
      return yield* tableRows(blocks, ',', where);
    case '.tsv':
      return yield* tableRows(blocks, '\t', where);
    case '.json':
      return yield* listRows(parseJson(await wholeText(blocks, where), where), where);
    default:
      throw new UserError(
        `${where}: conversations are read from rows; expected a file that ends in .jsonl, .json, .csv or .tsv`,
      );
  }
}

function* listRows(list: unknown, where: string): Generator<Row> {
  if (!Array.isArray(list)) throw new UserError(`${where}: expected a list of rows, found something else`);
  for (const [i, value] of list.entries()) yield { value, where: `${where}: row ${i + 1}` };
}
