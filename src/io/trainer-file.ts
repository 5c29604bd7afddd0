// `trainer.json`: the state of the trainer, and the size and SHA-256 of every other file of the checkpoint.
//
// Its first line holds a SHA-256 over the whole file with that checksum replaced by zeros, so that any changed bit of
// the file itself is noticed as well. This line and the key `version` keep their form in every future version.
//
// The caller computes the hashes: Node does it synchronously, a browser only asynchronously.

import { UserError } from '../errors.ts';
import { isPlainFileName } from './file-names.ts';
import { isJsonObject, type JsonObject, parseJsonObject, showJson } from './json.ts';
import { encodeJson } from './utf8.ts';

/** Version of the two files of our own that a checkpoint has on top of a Hugging Face folder. */
export const checkpointVersion = 1;

/** Size and SHA-256 (lower-case hexadecimal) of a file. */
export interface FileDigest {
  readonly bytes: number;
  readonly sha256: string;
}

/** What `trainer.json` says. */
export interface TrainerFile {
  /** Size and SHA-256 of every other file in the folder, by name. */
  readonly files: ReadonlyMap<string, FileDigest>;
  readonly state: JsonObject;
}

const beforeChecksum = '{\n  "checksum": "';
const checksumLength = 64;
const noChecksum = '0'.repeat(checksumLength);
const zero = 0x30;
const firstLine = /^\{\n {2}"checksum": "([0-9a-f]{64})",\n/;

/** The file with zeros in place of its checksum: the bytes that the checksum is computed from. */
export function draftTrainerFile({ files, state }: TrainerFile): Uint8Array<ArrayBuffer> {
  const contents = { checksum: noChecksum, version: checkpointVersion, files: Object.fromEntries(files), state };
  return encodeJson(contents);
}

/** Puts the checksum of a draft into it. */
export function sealTrainerFile(draft: Uint8Array, sha256: string): Uint8Array<ArrayBuffer> {
  const sealed = new Uint8Array(draft);
  sealed.set(new TextEncoder().encode(sha256), beforeChecksum.length);
  return sealed;
}

/** The checksum in a file, and the bytes that it must match; null if the first line is not that of such a file. */
export function unsealTrainerFile(bytes: Uint8Array): { sha256: string; draft: Uint8Array<ArrayBuffer> } | null {
  const start = new TextDecoder().decode(bytes.subarray(0, beforeChecksum.length + checksumLength + 3));
  const sha256 = firstLine.exec(start)?.[1];
  if (sha256 === undefined) return null;
  const draft = new Uint8Array(bytes); // a copy
  draft.fill(zero, beforeChecksum.length, beforeChecksum.length + checksumLength);
  return { sha256, draft };
}

/**
 * The contents of a file whose checksum has been verified.
 *
 * @throws UserError if its version is newer, or if it is not what this program writes.
 */
export function parseTrainerFile(bytes: Uint8Array, path: string): TrainerFile {
  const { version, files, state } = parseJsonObject(bytes, `checkpoint: ${path}`);
  if (version !== checkpointVersion) {
    const versions = `it has format ${showJson(version)}, this program reads format ${checkpointVersion}`;
    throw new UserError(`checkpoint: ${path} is from a newer version of tinyseek: ${versions}; update tinyseek`);
  }
  if (!isJsonObject(files) || !isJsonObject(state)) throw new UserError(`checkpoint: ${path} lacks files or state`);
  return { files: new Map(Object.entries(files).map(([name, file]) => parseDigest(name, file, path))), state };
}

function parseDigest(name: string, file: unknown, path: string): [string, FileDigest] {
  const isValid = isJsonObject(file) && typeof file.bytes === 'number' && typeof file.sha256 === 'string';
  if (!isValid || !isPlainFileName(name)) throw new UserError(`checkpoint: ${path} has an impossible file ${name}`);
  return [name, { bytes: Number(file.bytes), sha256: String(file.sha256) }];
}

/** Throws the `UserError` for a file that is not the one that was written. */
export function checkDigest(path: string, expected: FileDigest, found: FileDigest): void {
  if (found.bytes !== expected.bytes) {
    const problem = found.bytes < expected.bytes ? 'is truncated' : 'has grown';
    const sizes = `expected ${expected.bytes} bytes, found ${found.bytes}`;
    throw new UserError(`checkpoint: ${path} ${problem}: ${sizes}; use another checkpoint`);
  }
  if (found.sha256 !== expected.sha256) failChecksum(path);
}

/** Throws the `UserError` for a file of a checkpoint that is not there. */
export function failMissing(path: string): never {
  throw new UserError(`checkpoint: ${path} is missing; use another checkpoint`);
}

/** Throws the `UserError` for a file that was changed. */
export function failChecksum(path: string): never {
  throw new UserError(`checkpoint: ${path} is damaged: its contents do not match its checksum; use another checkpoint`);
}
