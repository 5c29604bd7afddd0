// The header of a safetensors file: 8 bytes of length (unsigned, little-endian), then JSON that gives each tensor its
// dtype, shape and place in the rest of the file. Reading is strict: the tensors must tile the rest exactly.
//
// Format: https://github.com/huggingface/safetensors#format

import { UserError } from '../errors.ts';
import { duplicateKey, isJsonObject, parseJsonObject, showJson } from './json.ts';
import { elementCount, type StoredTensor } from './tensor-source.ts';

/** One tensor of a header. */
export interface TensorEntry extends StoredTensor {
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  /** One past the last byte. */
  readonly end: number;
}

/** Bytes of the length in front of the header. */
export const lengthBytes = 8;

/** Longest header that the reference implementation accepts. */
export const maxHeaderBytes = 100_000_000;

/** Numbers of one tensor that are read at once: the largest of DeepSeek-V3 has 0.93 thousand million. */
const maxElements = 2 ** 30;

const metadataKey = '__metadata__';

const space = 0x20;

/** Bytes per element of every dtype of the format with whole bytes; only some of them can be read here. */
const dtypeBytes: ReadonlyMap<string, number> = new Map([
  ...['BOOL', 'U8', 'I8', 'F8_E4M3', 'F8_E5M2', 'F8_E8M0'].map((dtype): [string, number] => [dtype, 1]),
  ...['U16', 'I16', 'F16', 'BF16'].map((dtype): [string, number] => [dtype, 2]),
  ...['U32', 'I32', 'F32'].map((dtype): [string, number] => [dtype, 4]),
  ...['U64', 'I64', 'F64', 'C64'].map((dtype): [string, number] => [dtype, 8]),
]);

/** Bytes that a tensor takes in a file; NaN for a dtype that the format does not have. */
export function storedBytes({ dtype, shape }: StoredTensor): number {
  return (dtypeBytes.get(dtype) ?? Number.NaN) * elementCount(shape);
}

/** Throws the `UserError` for a safetensors file that is not what it should be. */
export function failSafetensors(file: string, problem: string): never {
  throw new UserError(`safetensors: ${file}: ${problem}`);
}

/** A tensor's name as it appears in messages. */
export function quoteTensor(name: string): string {
  return `tensor ${JSON.stringify(name.slice(0, 200))}`;
}

/** The length and the header of a file of tensors stored in the given order, padded to a multiple of 8. */
export function encodeHeader(tensors: readonly StoredTensor[]): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, dtype, shape }) => {
    const begin = end;
    end += storedBytes({ name, dtype, shape });
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [begin, end] })}`;
  });
  const json = new TextEncoder().encode(`{${[`"${metadataKey}":{"format":"pt"}`, ...entries].join(',')}}`);
  const header = new Uint8Array(lengthBytes + Math.ceil(json.length / 8) * 8).fill(space);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - lengthBytes), true);
  header.set(json, lengthBytes);
  return header;
}

/**
 * The tensors of a header, in the order in which they lie in the file.
 *
 * @param header the JSON, without the length in front.
 * @param dataBytes size of what follows the header.
 * @throws UserError naming the file, and the tensor if it is one tensor's fault.
 */
export function parseHeader(header: Uint8Array, dataBytes: number, file: string): TensorEntry[] {
  if (header[0] !== 0x7b) failSafetensors(file, 'the header must start with "{"; this is not a safetensors file');
  const parsed = parseJsonObject(header, `safetensors: ${file}: header`);
  const twice = duplicateKey(new TextDecoder().decode(header));
  if (twice !== null) failSafetensors(file, `the header has the key ${JSON.stringify(twice.slice(0, 200))} twice`);
  const { [metadataKey]: metadata, ...tensors } = parsed;
  checkMetadata(metadata, file);
  const entries = Object.entries(tensors).map(([name, entry]) => parseEntry(name, entry, dataBytes, file));
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkTiling(entries, dataBytes, file);
  return entries;
}

function checkMetadata(metadata: unknown, file: string): void {
  const isValid = isJsonObject(metadata) && Object.values(metadata).every((value) => typeof value === 'string');
  if (metadata !== undefined && !isValid) failSafetensors(file, `${metadataKey} must map strings to strings`);
}

function parseEntry(name: string, entry: unknown, dataBytes: number, file: string): TensorEntry {
  const fail = (problem: string) => failSafetensors(file, `${quoteTensor(name)}: ${problem}`);
  if (!isJsonObject(entry)) return fail('expected an object with dtype, shape and data_offsets');
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !dtypeBytes.has(dtype)) return fail(`unknown dtype ${showJson(dtype)}`);
  if (!isSizeList(shape)) return fail(`shape must be a list of non-negative integers, found ${showJson(shape)}`);
  if (!isSizeList(offsets)) return fail(`data_offsets must be two non-negative integers, found ${showJson(offsets)}`);
  const [begin, end] = offsets;
  if (begin === undefined || end === undefined || offsets.length !== 2 || begin > end || end > dataBytes) {
    return fail(
      `data_offsets ${showJson(offsets)} do not lie in the ${dataBytes} bytes of data; is the file truncated?`,
    );
  }
  const bytes = storedBytes({ name, dtype, shape });
  if (!Number.isSafeInteger(bytes)) return fail(`shape ${showJson(shape)} is larger than any file`);
  if (elementCount(shape) > maxElements) {
    return fail(`shape ${showJson(shape)} has more than ${maxElements} numbers, the most that are read at once`);
  }
  if (end - begin !== bytes) {
    return fail(`${dtype} of shape ${showJson(shape)} takes ${bytes} bytes, but data_offsets span ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

function checkTiling(entries: readonly TensorEntry[], dataBytes: number, file: string): void {
  let end = 0;
  for (const entry of entries) {
    if (entry.begin !== end) {
      const problem =
        entry.begin < end ? 'overlaps the tensor before it' : `leaves a gap of ${entry.begin - end} bytes`;
      failSafetensors(file, `${quoteTensor(entry.name)}: starts at byte ${entry.begin}, which ${problem}`);
    }
    end = entry.end;
  }
  if (end !== dataBytes) failSafetensors(file, `${dataBytes - end} bytes after the last tensor belong to none`);
}

function isSizeList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
