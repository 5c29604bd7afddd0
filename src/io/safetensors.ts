// Reading and writing safetensors files on the disk, one tensor at a time: see `safetensors-bytes.ts` for their
// contents.

import nodeFs from 'node:fs';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { explainFsErrors, type FileSystem } from './file-system.ts';
import { writeHashedFile } from './hashed-file.ts';
import { openRegularFile } from './regular-file.ts';
import { asFloat32, readTensors, safetensorsPieces, type TensorToWrite } from './safetensors-bytes.ts';
import { failSafetensors } from './safetensors-header.ts';
import type { TensorReader } from './tensor-source.ts';
import type { FileDigest } from './trainer-file.ts';

/** Bytes that one system call may read; Node refuses 2 GiB and more. */
const maxReadBytes = 1 << 30;

/** Writes tensors as float32: see `writeTensorFile`. */
export function writeSafetensors(path: string, tensors: readonly NamedTensor[], fs: FileSystem = nodeFs): FileDigest {
  return writeTensorFile(path, asFloat32(tensors), fs);
}

/**
 * Writes tensors as a new file and returns its size and SHA-256; the file is on the disk (fsync) when this returns.
 *
 * @throws UserError if the operating system refuses (disk full, no permission, file exists).
 */
export function writeTensorFile(path: string, tensors: readonly TensorToWrite[], fs: FileSystem = nodeFs): FileDigest {
  return writeHashedFile(path, safetensorsPieces(tensors), fs);
}

/**
 * Opens a file and checks all of its header; values are read later, by name.
 *
 * @returns a reader that holds the file open: the caller closes it.
 * @throws UserError naming the file, and the tensor where there is one.
 */
export function openSafetensors(path: string): TensorReader {
  let fd: number | null = openRegularFile(path, 'safetensors: cannot open');
  const close = () => {
    if (fd !== null) nodeFs.closeSync(fd);
    fd = null;
  };
  try {
    const size = nodeFs.fstatSync(fd).size;
    const read = (position: number, length: number) => {
      if (fd === null) throw new Error(`internal: ${path} is closed`);
      return readBytes(fd, position, length, path);
    };
    return { ...readTensors({ size, read }, path), close };
  } catch (error) {
    close();
    throw error;
  }
}

function readBytes(fd: number, position: number, length: number, path: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const want = Math.min(length - at, maxReadBytes);
    const read = explainFsErrors('safetensors: cannot read', path, () =>
      nodeFs.readSync(fd, bytes, at, want, position + at),
    );
    if (read === 0) failSafetensors(path, `ends at byte ${position + at}; was it changed while it was read?`);
    at += read;
  }
  return bytes;
}
