// Metrics files: one JSON object a line, appended as training goes. A process can be killed in the middle of a line, so
// the reader passes over what is not a whole object, and a resumed run first drops what lies after its checkpoint.

import nodeFs from 'node:fs';
import { basename, dirname } from 'node:path';
import { UserError } from '../errors.ts';
import { explainFsErrors, syncFolder } from './file-system.ts';
import { hasFile, openInside, refuseLinks } from './inside-folder.ts';
import type { JsonObject } from './json.ts';
import { isUpToStep, parseRecord } from './json-lines.ts';
import { openUnfinished, unfinishedPath } from './replace-file.ts';

/** An open metrics file. */
export interface JsonlWriter {
  /** Appends one line. Numbers that JSON lacks (NaN, infinities) become null. */
  append(record: object): void;
  close(): void;
}

/** What a metrics file holds. */
export interface JsonlContents {
  readonly records: JsonObject[];
  /** Lines that are no JSON object, such as one that was cut by a crash. */
  readonly skippedLines: number;
}

const pieceSize = 1 << 16;
const newline = 0x0a;

/**
 * Opens a file for appending, and creates it if need be. A torn last line is ended first, so that it spoils no other.
 *
 * @throws UserError, also from `append`, if the file cannot be written.
 */
export function openJsonl(path: string): JsonlWriter {
  const fd = openToAppend(path);
  const write = (text: string) => {
    explainFsErrors('metrics: cannot write', path, () => nodeFs.writeFileSync(fd, text));
  };
  if (endsInsideLine(fd)) write('\n');
  const append = (record: object) => {
    // Otherwise a deleted run would be noticed at its end.
    if (nodeFs.fstatSync(fd).nlink === 0) {
      throw new UserError(`metrics: ${path} was deleted while the run was writing it; start the run again`);
    }
    write(`${JSON.stringify(record)}\n`);
  };
  return { append, close: () => nodeFs.closeSync(fd) };
}

/** Reads a whole metrics file; one that does not exist is empty. */
export function readJsonl(path: string): JsonlContents {
  const records: JsonObject[] = [];
  let skippedLines = 0;
  for (const { text } of readLines(path)) {
    const record = parseRecord(text);
    if (record) records.push(record);
    else skippedLines += 1;
  }
  return { records, skippedLines };
}

/**
 * Drops the lines whose `step` is greater than the given one, and those that are no whole JSON object.
 *
 * The file is replaced in one step: killed at any moment, either the old or the new one is there.
 */
export function truncateAfterStep(path: string, step: number): void {
  if (!hasFile(dirname(path), basename(path))) return;
  explainFsErrors('metrics: cannot rewrite', path, () => {
    const fd = openUnfinished(path);
    try {
      for (const { text } of readLines(path)) {
        if (isUpToStep(text, step)) nodeFs.writeFileSync(fd, `${text}\n`);
      }
      nodeFs.fsyncSync(fd);
    } finally {
      nodeFs.closeSync(fd);
    }
    nodeFs.renameSync(unfinishedPath(path), path);
    syncFolder(dirname(path));
  });
}

/** Opens a file for appending. A link would let a stranger's run folder write anywhere. */
function openToAppend(path: string): number {
  refuseLinks(dirname(path), [basename(path)], 'metrics');
  return explainFsErrors('metrics: cannot write', path, () => nodeFs.openSync(path, 'a+'));
}

function endsInsideLine(fd: number): boolean {
  const { size } = nodeFs.fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && nodeFs.readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== newline;
}

/** A line without its end. */
export interface FileLine {
  readonly text: string;
  /** False for a last line that has no end: it may have been cut by a crash. */
  readonly isWhole: boolean;
}

/**
 * The lines of a file, a piece at a time: metrics of a long run do not fit into one string. There are none if the file
 * does not exist.
 *
 * @throws UserError if it cannot be read.
 */
export function* readLines(path: string): Generator<FileLine> {
  if (!hasFile(dirname(path), basename(path))) return;
  const fd = openInside(dirname(path), basename(path), 'metrics');
  try {
    let rest = Buffer.alloc(0);
    for (const piece of readPieces(fd, path)) {
      rest = Buffer.concat([rest, piece]);
      for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
        yield { text: rest.toString('utf8', 0, end), isWhole: true };
        rest = rest.subarray(end + 1);
      }
    }
    if (rest.length > 0) yield { text: rest.toString('utf8'), isWhole: false };
  } finally {
    nodeFs.closeSync(fd);
  }
}

function* readPieces(fd: number, path: string): Generator<Buffer> {
  for (;;) {
    const piece = Buffer.alloc(pieceSize);
    const read = explainFsErrors('metrics: cannot read', path, () => nodeFs.readSync(fd, piece, 0, pieceSize, null));
    if (read === 0) return;
    yield piece.subarray(0, read);
  }
}
