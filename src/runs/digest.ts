// SHA-256 where there is no Node: the browser's own, which is asynchronous and takes a file in one piece.

import { UserError } from '../errors.ts';
import type { FileDigest } from '../io/trainer-file.ts';

/** Size and SHA-256 of some bytes. Browsers hash on secure pages only; elsewhere this throws a `UserError`. */
export async function digestOf(bytes: Uint8Array<ArrayBuffer>): Promise<FileDigest> {
  const { subtle }: { subtle?: typeof globalThis.crypto.subtle } = globalThis.crypto ?? {};
  if (subtle === undefined) {
    throw new UserError('checkpoint: SHA-256 is missing here; browsers have it on https pages and on localhost');
  }
  const hash = new Uint8Array(await subtle.digest('SHA-256', bytes));
  return { bytes: bytes.length, sha256: Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('') };
}
