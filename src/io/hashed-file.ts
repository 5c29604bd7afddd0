// Files whose size and SHA-256 are known: computed while writing, and again, a piece at a time, when checking.

import { createHash } from 'node:crypto';
import nodeFs from 'node:fs';
import { explainFsErrors, type FileSystem } from './file-system.ts';
import type { FileDigest } from './trainer-file.ts';

const PIECE = 1 << 20;

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
      const written = fs.writeSync(fd, piece, at, Math.min(piece.length - at, 16 * PIECE));
      hash.update(piece.subarray(at, at + written));
      at += written;
    }
    bytes += piece.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Size and SHA-256 of an existing file, read a megabyte at a time. */
export function digestFile(path: string): FileDigest {
  return explainFsErrors('cannot read', path, () => {
    const fd = nodeFs.openSync(path, 'r');
    try {
      return digestOpenFile(fd);
    } finally {
      nodeFs.closeSync(fd);
    }
  });
}

function digestOpenFile(fd: number): FileDigest {
  const hash = createHash('sha256');
  const piece = new Uint8Array(PIECE);
  let bytes = 0;
  for (;;) {
    const read = nodeFs.readSync(fd, piece, 0, PIECE, bytes);
    if (read === 0) return { bytes, sha256: hash.digest('hex') };
    hash.update(piece.subarray(0, read));
    bytes += read;
  }
}
