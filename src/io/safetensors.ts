// Reading and writing safetensors files, one tensor at a time: never is a whole file in memory. Tensors are written sorted
// by name, so that the same tensors give the same bytes.

import nodeFs from 'node:fs';
import { UserError } from '../errors.ts';
import type { NamedTensor } from '../tensor/named-tensor.ts';
import { explainFsErrors, type FileSystem } from './file-system.ts';
import { decodeFloats, encodeFloats, type FloatFormat, READABLE_FORMATS } from './float-formats.ts';
import { type FileDigest, writeHashedFile } from './hashed-file.ts';
import {
  encodeHeader,
  failSafetensors,
  LENGTH_BYTES,
  MAX_HEADER_BYTES,
  parseHeader,
  quoteTensor,
  type TensorEntry,
} from './safetensors-header.ts';
import { elementCount, type LazyTensor, type StoredTensor, type TensorReader } from './tensor-source.ts';

/** Bytes that one system call may read; Node refuses 2 GiB and more. */
const MAX_READ_BYTES = 1 << 30;

/** A tensor to write: its values are asked for when its turn comes. */
export interface TensorToWrite extends LazyTensor, StoredTensor {
  readonly dtype: FloatFormat;
}

/** Writes tensors as float32: see `writeTensorFile`. */
export function writeSafetensors(path: string, tensors: readonly NamedTensor[], fs: FileSystem = nodeFs): FileDigest {
  const lazy = tensors.map(({ name, shape, data }): TensorToWrite => ({ name, shape, dtype: 'F32', read: () => data }));
  return writeTensorFile(path, lazy, fs);
}

/**
 * Writes tensors as a new file and returns its size and SHA-256; the file is on the disk (fsync) when this returns.
 *
 * @throws UserError if the operating system refuses (disk full, no permission, file exists).
 */
export function writeTensorFile(path: string, tensors: readonly TensorToWrite[], fs: FileSystem = nodeFs): FileDigest {
  const sorted = tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const twice = sorted.find(({ name }, index) => name === sorted[index - 1]?.name || name === '__metadata__');
  if (twice) throw new Error(`internal: two tensors, or none, named ${twice.name}`);
  return writeHashedFile(path, filePieces(sorted), fs);
}

function* filePieces(tensors: readonly TensorToWrite[]): Generator<Uint8Array> {
  yield encodeHeader(tensors);
  for (const { name, shape, dtype, read } of tensors) {
    const values = read();
    if (elementCount(shape) !== values.length) {
      throw new Error(`internal: ${name} of shape [${shape}] has ${values.length} elements`);
    }
    yield encodeFloats(dtype, values);
  }
}

/**
 * Opens a file and checks all of its header; values are read later, by name.
 *
 * @returns a reader that holds the file open: the caller closes it.
 * @throws UserError naming the file, and the tensor where there is one.
 */
export function openSafetensors(path: string): TensorReader {
  let fd: number | null = openFile(path);
  const close = () => {
    if (fd !== null) nodeFs.closeSync(fd);
    fd = null;
  };
  try {
    const { entries, dataStart } = readHeader(fd, path);
    const tensors = new Map(entries.map((entry) => [entry.name, entry]));
    const read = (name: string) => {
      const entry = tensors.get(name);
      if (fd === null) throw new Error(`internal: ${path} is closed`);
      return entry ? readTensor(fd, dataStart, entry, path) : failSafetensors(path, `has no ${quoteTensor(name)}`);
    };
    return { tensors, read, close };
  } catch (error) {
    close();
    throw error;
  }
}

function openFile(path: string): number {
  return explainFsErrors('safetensors: cannot open', path, () => {
    if (!nodeFs.statSync(path).isFile()) throw new UserError(`safetensors: ${path} is not a file`);
    return nodeFs.openSync(path, 'r');
  });
}

function readHeader(fd: number, path: string): { entries: TensorEntry[]; dataStart: number } {
  const fileBytes = nodeFs.fstatSync(fd).size;
  if (fileBytes < LENGTH_BYTES) failSafetensors(path, `has ${fileBytes} bytes, too few for a safetensors file`);
  const headerBytes = Buffer.from(readBytes(fd, 0, LENGTH_BYTES, path)).readBigUInt64LE();
  if (headerBytes > BigInt(Math.min(fileBytes - LENGTH_BYTES, MAX_HEADER_BYTES))) {
    const problem = `the header should have ${headerBytes} bytes, but the file has ${fileBytes}`;
    failSafetensors(path, `${problem}; it is truncated or not a safetensors file`);
  }
  const dataStart = LENGTH_BYTES + Number(headerBytes);
  const header = readBytes(fd, LENGTH_BYTES, Number(headerBytes), path);
  return { entries: parseHeader(header, fileBytes - dataStart, path), dataStart };
}

function readTensor(fd: number, dataStart: number, entry: TensorEntry, path: string): Float32Array {
  const { dtype } = entry;
  const values = decodeFloats(dtype, readBytes(fd, dataStart + entry.begin, entry.end - entry.begin, path));
  const what = quoteTensor(entry.name);
  return values ?? failSafetensors(path, `${what} has dtype ${dtype}, expected ${READABLE_FORMATS}`);
}

function readBytes(fd: number, position: number, length: number, path: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const want = Math.min(length - at, MAX_READ_BYTES);
    const read = explainFsErrors('safetensors: cannot read', path, () =>
      nodeFs.readSync(fd, bytes, at, want, position + at),
    );
    if (read === 0) failSafetensors(path, `ends at byte ${position + at}; was it changed while it was read?`);
    at += read;
  }
  return bytes;
}
