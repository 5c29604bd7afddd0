// The bytes of a user's file, a block at a time; what ends in `.gz` is unpacked.

import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { UserError } from '../../errors.ts';

// Larger ones become strings outside of the heap, of which the collector then leaves many.
const blockBytes = 1 << 16;

export const isPacked = (file: string) => /\.gz$/i.test(file);

/** @throws UserError for a file that cannot be read or unpacked. */
export async function* readBytes(file: string): AsyncGenerator<Uint8Array> {
  const source = createReadStream(file, { highWaterMark: blockBytes });
  try {
    if (!isPacked(file)) {
      yield* source;
      return;
    }
    const unpacked = createGunzip({ chunkSize: blockBytes });
    source.on('error', (error) => unpacked.destroy(error));
    yield* source.pipe(unpacked);
  } catch (cause) {
    throw explain(cause, file);
  } finally {
    source.destroy();
  }
}

function explain(cause: unknown, file: string): unknown {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (code.startsWith('Z_') || code === 'ERR_BUFFER_TOO_LARGE') {
    return new UserError(`data: ${file} is no whole gzip file (${code}); pack it again, or unpack it`, { cause });
  }
  if (!code.startsWith('E')) return cause;
  return new UserError(`data: ${file} cannot be read (${code}); check its permissions`, { cause });
}
