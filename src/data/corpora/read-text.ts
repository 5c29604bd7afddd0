// Bytes of a user's file to text, or an error that says where the bytes stop being text.

import { isUtf8 } from 'node:buffer';
import { UserError } from '../../errors.ts';

/** How files begin that hold text in a form of their own, and what to do with them. */
const knownFiles: readonly (readonly [bytes: readonly number[], advice: string])[] = [
  [[0xff, 0xfe], 'it is UTF-16; save it as UTF-8'],
  [[0xfe, 0xff], 'it is UTF-16; save it as UTF-8'],
  [[0x50, 0x41, 0x52, 0x31], 'it is a Parquet file; write its rows as JSON Lines'],
  [[0x50, 0x4b, 0x03, 0x04], 'it is a ZIP file, or a document of an office program; take the text out of it'],
  [[0x25, 0x50, 0x44, 0x46], 'it is a PDF; take the text out of it'],
  [[0x28, 0xb5, 0x2f, 0xfd], 'it is packed with zstd; unpack it, or pack it with gzip'],
  [[0x1f, 0x8b], 'it is packed with gzip; give it a name that ends in .gz'],
  [[0x42, 0x5a, 0x68], 'it is packed with bzip2; unpack it, or pack it with gzip'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'it is packed with xz; unpack it, or pack it with gzip'],
];

/**
 * The text of a file's bytes, block by block; a byte-order mark at the start is not part of it.
 *
 * @throws UserError that names the byte offset of the first NUL byte or of the first byte that is not UTF-8.
 */
export async function* decodeText(blocks: AsyncIterable<Uint8Array>, where: string): AsyncGenerator<string> {
  const utf8 = new TextDecoder();
  let offset = 0;
  let begun = new Uint8Array(); // the bytes of a character whose end is in the next block
  for await (const block of blocks) {
    if (offset === 0) refuseKnownFile(block, where);
    const nul = block.indexOf(0);
    if (nul >= 0) {
      throw new UserError(
        `${where}: expected text, found a NUL byte at offset ${offset + nul}; is it binary, or UTF-16? Use UTF-8 text`,
      );
    }
    const bytes = begun.length === 0 ? block : Buffer.concat([begun, block]);
    const whole = wholeCharacters(bytes);
    if (!isUtf8(whole)) throw notUtf8(where, offset - begun.length + invalidUtf8Offset(whole));
    begun = Uint8Array.from(bytes.subarray(whole.length));
    offset += block.length;
    yield utf8.decode(whole, { stream: true });
  }
  if (begun.length > 0) throw notUtf8(where, offset - begun.length);
}

function notUtf8(where: string, offset: number): UserError {
  return new UserError(`${where}: not UTF-8 from byte offset ${offset}; convert the file to UTF-8`);
}

function refuseKnownFile(bytes: Uint8Array, where: string): void {
  const known = knownFiles.find(([start]) => start.every((byte, i) => bytes[i] === byte));
  if (known !== undefined) throw new UserError(`${where}: not plain text: ${known[1]}`);
}

/** The bytes without a last character of which more are to come. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const lead = bytes[bytes.length - back]!;
    if (lead >= 0x80 && lead < 0xc0) continue;
    return sequenceLength(lead) > back ? bytes.subarray(0, bytes.length - back) : bytes;
  }
  return bytes;
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
