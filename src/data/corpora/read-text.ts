// Bytes of a user's file to text, or an error that says where the bytes stop being text.

import { isUtf8 } from 'node:buffer';
import { UserError } from '../../errors.ts';

/**
 * The text of a file's bytes; a byte-order mark at the start is not part of it.
 *
 * @throws UserError that names the byte offset of the first NUL byte or of the first byte that is not UTF-8.
 */
export function decodeText(bytes: Uint8Array, where: string): string {
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    throw new UserError(
      `${where}: expected text, found a NUL byte at offset ${nul}; is it binary, or UTF-16? Use UTF-8 text`,
    );
  }
  if (!isUtf8(bytes)) {
    throw new UserError(`${where}: not UTF-8 from byte offset ${invalidUtf8Offset(bytes)}; convert the file to UTF-8`);
  }
  return new TextDecoder().decode(bytes);
}

/** The offset at which the first ill-formed sequence starts; the length if there is none. */
export function invalidUtf8Offset(bytes: Uint8Array): number {
  let valid = 0;
  while (valid < bytes.length) {
    const length = sequenceLength(bytes[valid]!);
    const end = valid + length;
    if (length === 0 || end > bytes.length || !isUtf8(bytes.subarray(valid, end))) return valid;
    valid = end;
  }
  return valid;
}

/** Number of bytes that a leading byte announces, 0 if it cannot lead. */
function sequenceLength(lead: number): number {
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return 2;
  if (lead < 0xf0) return 3;
  return lead < 0xf5 ? 4 : 0;
}
