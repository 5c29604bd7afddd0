// Tokenised documents on disk, found again by the hash of what they were made from.
//
// The cache only saves time: a file that is missing, damaged or cannot be written changes nothing else.

import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { DocumentSource } from './documents.ts';
import { type Encoder, type OnPiece, plainEncoder, type TokenPiece } from './encode.ts';
import { isWhole, openTokenWriter, readTokenFile } from './token-file.ts';
import type { Tokenizer } from './types.ts';

const format = 'tinyseek tokens 2';

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
export function createCachedEncoder(tokenizer: Tokenizer, cacheDir: string | null, onPiece: OnPiece): Encoder {
  const encode = plainEncoder(tokenizer, onPiece);
  if (cacheDir === null) return encode;
  const tokenizerHash = createHash('sha256').update(JSON.stringify(tokenizer.toHuggingFace())).digest('hex');
  return (source) => (source.isTokenised ? encode(source) : encodeThrough(source));

  async function* encodeThrough(source: DocumentSource): AsyncGenerator<TokenPiece> {
    const { key, length } = await cacheKey(tokenizerHash, source);
    const file = join(cacheDir!, `${key}.tokens`);
    if (isWhole(file)) {
      yield* readTokenFile(file);
      await onPiece(length);
      return;
    }
    const writer = openTokenWriter(file);
    try {
      for await (const piece of encode(source)) {
        writer.add(piece);
        yield piece;
      }
      writer.publish();
    } finally {
      writer.discard();
    }
  }
}

async function cacheKey(tokenizerHash: string, source: DocumentSource): Promise<{ key: string; length: number }> {
  const hash = createHash('sha256').update(`${format}\n${tokenizerHash}\n`);
  let length = 0;
  for await (const { content, isStart } of source.read()) {
    hash.update(`${isStart ? 'document' : 'piece'} ${content.length}\n`).update(String(content));
    length += content.length;
  }
  return { key: hash.digest('hex'), length };
}
