// Files whose size and SHA-256 are known: computed while writing, and again, a piece at a time, when checking.

import { createHash } from 'node:crypto';
import nodeFs from 'node:fs';
import { explainFsErrors, type FileSystem } from './file-system.ts';
import { openRegularFile } from './regular-file.ts';
import type { FileDigest } from './trainer-file.ts';

const pieceSize = 1 << 20;

/** Creates a file that must not exist yet from pieces of bytes, and returns once it is on the disk (fsync). */
export function writeHashedFile(path: string, pieces: Iterable<Uint8Array>, fs: FileSystem = nodeFs): FileDigest {
  return explainFsErrors('cannot write', path, () => {
    const fd = fs.openSync(path, 'wx');
    try {
      const digest = writePieces(fd, pieces, fs);
      fs.fsyncSync(fd);
      return digest;
    } finally {
      fs.closeSync(fd);
    }
  });
}

function writePieces(fd: number, pieces: Iterable<Uint8Array>, fs: FileSystem): FileDigest {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      // A system call may write less than it was given.
      const written = fs.writeSync(fd, piece, at, Math.min(piece.length - at, 16 * pieceSize));
      hash.update(piece.subarray(at, at + written));
      at += written;
    }
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Size and SHA-256 of an existing file, read a megabyte at a time. */
export function digestFile(path: string): FileDigest {
  return digestFiles([path]);
}

/** Size and SHA-256 of the bytes of several files one after the other. */
export function digestFiles(paths: readonly string[]): FileDigest {
  const hash = createHash('sha256');
  let bytes = 0;
  for (const path of paths) {
    for (const piece of readPieces(path)) {
      hash.update(piece);
      bytes += piece.length;
    }
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** The bytes of a file; a piece is valid until the next one is asked for. */
function* readPieces(path: string): Generator<Uint8Array> {
  const fd = openRegularFile(path, 'cannot read');
  try {
    const piece = new Uint8Array(pieceSize);
    for (let at = 0; ; ) {
      const read = explainFsErrors('cannot read', path, () => nodeFs.readSync(fd, piece, 0, pieceSize, at));
      if (read === 0) return;
      at += read;
      yield piece.subarray(0, read);
    }
  } finally {
    nodeFs.closeSync(fd);
  }
}
