// A file of token ids, written and read a block at a time.
//
// It is a SHA-256 and, covered by it, 32-bit numbers: for each piece the number of its ids, negative if the piece
// carries on the document of the one before, and then the ids.

import { createHash, randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { TokenPiece } from './encode.ts';

const checksumBytes = 32;
const blockBytes = 1 << 20;

/** Whether there is a file with the contents that its checksum promises. */
export function isWhole(file: string): boolean {
  const hash = createHash('sha256');
  let expected: Buffer | undefined;
  try {
    for (const block of readBlocks(file)) {
      if (expected === undefined) {
        expected = Buffer.from(block.subarray(0, checksumBytes));
        hash.update(block.subarray(checksumBytes));
      } else hash.update(block);
    }
  } catch {
    return false;
  }
  return expected !== undefined && hash.digest().equals(expected);
}

/** The pieces of a whole file. */
export function* readTokenFile(file: string): Generator<TokenPiece> {
  let piece: { readonly ids: Int32Array; readonly isStart: boolean } | null = null;
  let filled = 0;
  let skip = checksumBytes;
  for (const block of readBlocks(file)) {
    const numbers = new Int32Array(block.buffer, block.byteOffset + skip, (block.length - skip) / 4);
    skip = 0;
    for (let at = 0; at < numbers.length; ) {
      if (piece === null) {
        const length = numbers[at++]!;
        piece = { ids: new Int32Array(length < 0 ? ~length : length), isStart: length >= 0 };
        filled = 0;
      }
      const part = numbers.subarray(at, at + piece.ids.length - filled);
      piece.ids.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < piece.ids.length) continue;
      yield piece;
      piece = null;
    }
  }
}

/** Blocks of one size, all but the last; each is valid until the next. */
function* readBlocks(file: string): Generator<Buffer> {
  const fd = openSync(file, 'r');
  const block = Buffer.alloc(blockBytes);
  try {
    for (let read = readSync(fd, block); read > 0; read = readSync(fd, block)) yield block.subarray(0, read);
  } finally {
    closeSync(fd);
  }
}

export interface TokenWriter {
  add(piece: TokenPiece): void;
  /** Gives the file its name. */
  publish(): void;
  /** Removes what was written, unless it was published. */
  discard(): void;
}

/** A file that appears whole or not at all; one that cannot be written (a read-only home, a full disk) never does. */
export function openTokenWriter(file: string): TokenWriter {
  const temporary = `${file}.${randomUUID()}.tmp`;
  const hash = createHash('sha256');
  const block = Buffer.alloc(blockBytes);
  let used = 0;
  let fd: number | null = attempt(() => {
    mkdirSync(dirname(file), { recursive: true });
    const opened = openSync(temporary, 'w');
    writeSync(opened, Buffer.alloc(checksumBytes));
    return opened;
  });
  const write = (bytes: Buffer, position?: number) => {
    if (fd !== null && attempt(() => writeSync(fd!, bytes, 0, bytes.length, position)) !== bytes.length) discard();
  };
  const flush = () => {
    hash.update(block.subarray(0, used));
    write(block.subarray(0, used));
    used = 0;
  };
  const put = (value: number) => {
    used = block.writeInt32LE(value, used);
    if (used === blockBytes) flush();
  };
  const close = () => {
    const opened = fd;
    fd = null;
    if (opened !== null) attempt(() => closeSync(opened));
  };
  const discard = () => {
    if (fd === null) return;
    close();
    attempt(() => rmSync(temporary, { force: true }));
  };
  return {
    add: ({ ids, isStart }) => {
      if (fd === null) return;
      put(isStart ? ids.length : ~ids.length);
      for (let i = 0; i < ids.length; i++) put(ids[i]!);
    },
    publish: () => {
      flush();
      write(hash.digest(), 0);
      if (fd === null) return;
      close();
      attempt(() => renameSync(temporary, file));
    },
    discard,
  };
}

function attempt<T>(action: () => T): T | null {
  try {
    return action();
  } catch {
    return null;
  }
}
