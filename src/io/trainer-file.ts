// `trainer.json`: the state of the trainer, and the size and SHA-256 of every other file of the checkpoint.
//
// Its first line holds a SHA-256 over the whole file with that checksum replaced by zeros, so that any changed bit of
// the file itself is noticed as well. This line and the key `version` keep their form in every future version.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../errors.ts';
import { explainFsErrors } from './file-system.ts';
import { digestFile, type FileDigest } from './hashed-file.ts';
import { fileInside, isPlainFileName } from './inside-folder.ts';
import { isJsonObject, type JsonObject, parseJsonObject, showJson } from './json.ts';

export const TRAINER_FILE = 'trainer.json';

/** Version of the two files of our own that a checkpoint has on top of a Hugging Face folder. */
export const CHECKPOINT_VERSION = 1;

/** What `trainer.json` says. */
export interface TrainerFile {
  /** Of every other file in the folder, by name. */
  readonly files: ReadonlyMap<string, FileDigest>;
  readonly state: JsonObject;
}

const NO_CHECKSUM = '0'.repeat(64);
const FIRST_LINE = /^\{\n {2}"checksum": "([0-9a-f]{64})",\n/;

/** The contents of `trainer.json`. */
export function encodeTrainerFile({ files, state }: TrainerFile): Uint8Array {
  const contents = { checksum: NO_CHECKSUM, version: CHECKPOINT_VERSION, files: Object.fromEntries(files), state };
  const text = `${JSON.stringify(contents, null, 2)}\n`;
  return Buffer.from(text.replace(NO_CHECKSUM, sha256(text)), 'utf8');
}

/**
 * Reads `trainer.json` and checks every file of its folder against it.
 *
 * @throws UserError if the file or one that it lists is missing, truncated or changed, or if its version is newer.
 */
export function readTrainerFile(folder: string): TrainerFile {
  const path = fileInside(folder, TRAINER_FILE);
  const bytes = explainFsErrors('checkpoint: cannot read', path, () => readFileSync(path));
  const trainer = decodeTrainerFile(bytes, path);
  for (const [name, digest] of trainer.files) checkFile(folder, name, digest);
  return trainer;
}

function decodeTrainerFile(bytes: Buffer, path: string): TrainerFile {
  const text = bytes.toString('latin1'); // bytes as they are: the checksum is over them
  const checksum = FIRST_LINE.exec(text)?.[1];
  const isIntact = checksum !== undefined && sha256(text.replace(checksum, NO_CHECKSUM), 'latin1') === checksum;
  if (!isIntact) failChecksum(path);
  const { version, files, state } = parseJsonObject(bytes, `checkpoint: ${path}`);
  if (version !== CHECKPOINT_VERSION) {
    const versions = `it has format ${showJson(version)}, this program reads format ${CHECKPOINT_VERSION}`;
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

function checkFile(folder: string, name: string, expected: FileDigest): void {
  const path = join(folder, name);
  if (!existsSync(path)) throw new UserError(`checkpoint: ${path} is missing; use another checkpoint`);
  const found = digestFile(fileInside(folder, name));
  if (found.bytes !== expected.bytes) {
    const problem = found.bytes < expected.bytes ? 'is truncated' : 'has grown';
    const sizes = `expected ${expected.bytes} bytes, found ${found.bytes}`;
    throw new UserError(`checkpoint: ${path} ${problem}: ${sizes}; use another checkpoint`);
  }
  if (found.sha256 !== expected.sha256) failChecksum(path);
}

function failChecksum(path: string): never {
  throw new UserError(`checkpoint: ${path} is damaged: its contents do not match its checksum; use another checkpoint`);
}

function sha256(text: string, encoding: 'utf8' | 'latin1' = 'utf8'): string {
  return createHash('sha256').update(text, encoding).digest('hex');
}
