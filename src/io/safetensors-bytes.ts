// What a safetensors file consists of, wherever its bytes are: in a file, in memory, in a browser's storage. Tensors
// are written sorted by name, so that the same tensors give the same bytes.

import type { NamedTensor } from '../tensor/named-tensor.ts';
import { decodeFloats, encodeFloats, readableFormats, type StoredFormat } from './float-formats.ts';
import {
  encodeHeader,
  failSafetensors,
  lengthBytes,
  maxHeaderBytes,
  parseHeader,
  quoteTensor,
  type TensorEntry,
} from './safetensors-header.ts';
import { elementCount, type LazyTensor, type StoredTensor, type TensorReader } from './tensor-source.ts';

/** A tensor to write: its values are asked for when its turn comes. */
export interface TensorToWrite extends LazyTensor, StoredTensor {
  readonly dtype: StoredFormat;
}

/** Tensors in memory, to be written as float32. */
export function asFloat32(tensors: readonly NamedTensor[]): TensorToWrite[] {
  return tensors.map(({ name, shape, data }): TensorToWrite => ({ name, shape, dtype: 'F32', read: () => data }));
}

/** The bytes of a file of tensors, header first: never is a whole file in memory. */
export function safetensorsPieces(tensors: readonly TensorToWrite[]): Iterable<Uint8Array> {
  const sorted = tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const twice = sorted.find(({ name }, index) => name === sorted[index - 1]?.name || name === '__metadata__');
  if (twice) throw new Error(`internal: two tensors, or none, named ${twice.name}`);
  return sortedPieces(sorted);
}

function* sortedPieces(tensors: readonly TensorToWrite[]): Generator<Uint8Array> {
  yield encodeHeader(tensors);
  for (const { name, shape, dtype, read } of tensors) {
    const values = read();
    if (elementCount(shape) !== values.length) {
      throw new Error(`internal: ${name} of shape [${shape}] has ${values.length} elements`);
    }
    yield encodeFloats(dtype, values);
  }
}

/** The bytes of a file, a piece at a time. */
export interface ByteSource {
  readonly size: number;
  /** Bytes from `position` on, in a fresh array. */
  read(position: number, length: number): Uint8Array<ArrayBuffer>;
}

/**
 * Checks all of a header; values are read later, by name.
 *
 * @param file what messages call it.
 * @throws UserError naming the file, and the tensor where there is one.
 */
export function readTensors(source: ByteSource, file: string): Pick<TensorReader, 'tensors' | 'read'> {
  const { entries, dataStart } = readHeader(source, file);
  const tensors = new Map(entries.map((entry) => [entry.name, entry]));
  const read = (name: string) => {
    const entry = tensors.get(name);
    return entry ? readTensor(source, dataStart, entry, file) : failSafetensors(file, `has no ${quoteTensor(name)}`);
  };
  return { tensors, read };
}

/** A file whose bytes are in memory; see `readTensors`. */
export function openSafetensorsBytes(bytes: Uint8Array, file: string): TensorReader {
  const read = (position: number, length: number) => new Uint8Array(bytes.subarray(position, position + length));
  return { ...readTensors({ size: bytes.length, read }, file), close: () => {} };
}

function readHeader({ size, read }: ByteSource, file: string): { entries: TensorEntry[]; dataStart: number } {
  if (size < lengthBytes) failSafetensors(file, `has ${size} bytes, too few for a safetensors file`);
  const headerBytes = new DataView(read(0, lengthBytes).buffer).getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(size - lengthBytes, maxHeaderBytes))) {
    const problem = `the header should have ${headerBytes} bytes, but the file has ${size}`;
    failSafetensors(file, `${problem}; it is truncated or not a safetensors file`);
  }
  const dataStart = lengthBytes + Number(headerBytes);
  return { entries: parseHeader(read(lengthBytes, Number(headerBytes)), size - dataStart, file), dataStart };
}

function readTensor({ read }: ByteSource, dataStart: number, entry: TensorEntry, file: string): Float32Array {
  const { dtype, begin, end } = entry;
  const values = decodeFloats(dtype, read(dataStart + begin, end - begin));
  return values ?? failSafetensors(file, `${quoteTensor(entry.name)} has dtype ${dtype}, expected ${readableFormats}`);
}
