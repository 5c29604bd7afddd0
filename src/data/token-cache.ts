// Tokenised documents on disk, found again by the hash of what they were made from.
//
// The cache only saves time: a file that is missing, damaged or cannot be written changes nothing else.

import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Tokenizer } from './types.ts';

const format = 'tinyseek tokens 1';
const checksumBytes = 32;

/** `$TINYSEEK_CACHE`, or `~/.cache/tinyseek`. */
export function defaultCacheDir(): string {
  return process.env.TINYSEEK_CACHE || join(homedir(), '.cache', 'tinyseek');
}

/**
 * A function that encodes documents, or reads what it encoded before from `cacheDir` (null: no cache).
 *
 * The key is a SHA-256 of the texts and of the whole tokenizer, so a changed text or a retrained vocabulary never meets
 * old tokens. Files carry a checksum and appear by renaming, so a reader sees a whole file or none.
 */
export function createCachedEncoder(
  tokenizer: Tokenizer,
  cacheDir: string | null,
): (documents: readonly string[]) => Int32Array[] {
  const encode = (documents: readonly string[]) => documents.map((text) => tokenizer.encode(text));
  if (cacheDir === null) return encode;
  const tokenizerHash = sha256(JSON.stringify(tokenizer.toHuggingFace())).toString('hex');
  return (documents) => {
    const file = join(cacheDir, `${cacheKey(tokenizerHash, documents)}.tokens`);
    const known = readCache(file, documents.length);
    if (known !== undefined) return known;
    const tokens = encode(documents);
    writeCache(cacheDir, file, tokens);
    return tokens;
  };
}

function sha256(data: string | Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

function cacheKey(tokenizerHash: string, documents: readonly string[]): string {
  const hash = createHash('sha256').update(`${format}\n${tokenizerHash}\n`);
  for (const text of documents) hash.update(`${text.length}\n`).update(text);
  return hash.digest('hex');
}

// A file is a SHA-256 and, covered by it, 32-bit numbers: the length of each document, then all ids.

function readCache(file: string, numDocuments: number): Int32Array[] | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch {
    return undefined;
  }
  const body = bytes.subarray(checksumBytes);
  if (!sha256(body).equals(bytes.subarray(0, checksumBytes))) return undefined;
  const values = new Int32Array(new Uint8Array(body).buffer);
  let offset = numDocuments;
  return Array.from(values.subarray(0, numDocuments), (length) => {
    offset += length;
    return values.subarray(offset - length, offset);
  });
}

function writeCache(cacheDir: string, file: string, tokens: readonly Int32Array[]): void {
  const lengths = Int32Array.from(tokens, (ids) => ids.length);
  const body = Buffer.concat(
    [lengths, ...tokens].map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)),
  );
  const temporary = `${file}.${randomUUID()}.tmp`;
  const isWritten = attempt(() => {
    mkdirSync(cacheDir, { recursive: true });
    writeFileSync(temporary, Buffer.concat([sha256(body), body]));
    renameSync(temporary, file);
  });
  if (!isWritten) attempt(() => rmSync(temporary, { force: true }));
}

/** Read-only home, full disk: work goes on without the cache. */
function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    return false;
  }
}
