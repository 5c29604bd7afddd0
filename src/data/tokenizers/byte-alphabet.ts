// The byte alphabet of GPT-2: one printable letter for each of the 256 bytes, in which byte-level vocabularies are
// written.
//
// Printable Latin-1 characters stand for themselves; the other 68 bytes (blanks, controls, ...) are the letters from
// U+0100 on, in the order of the bytes: a space is `Ġ`, a newline `Ċ`.

const isPrintable = (byte: number): boolean =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;

const allBytes = Array.from({ length: 256 }, (_, byte) => byte);

/** All bytes in the order of their letters; GPT-2's first 256 ids, and those of every vocabulary trained here. */
export const byteOrder: readonly number[] = [
  ...allBytes.filter(isPrintable),
  ...allBytes.filter((byte) => !isPrintable(byte)),
];

const numPrintable = allBytes.filter(isPrintable).length;

const alphabet: readonly string[] = allBytes.map((byte) =>
  String.fromCodePoint(isPrintable(byte) ? byte : 256 + byteOrder.indexOf(byte) - numPrintable),
);

const byteOfLetter: ReadonlyMap<string, number> = new Map(alphabet.map((letter, byte) => [letter, byte]));

/** Bytes written in the alphabet, one letter a byte. */
export function bytesToLetters(bytes: Uint8Array): string {
  let letters = '';
  for (const byte of bytes) letters += alphabet[byte];
  return letters;
}

/** The bytes that the letters stand for, or undefined if one of them is not of the alphabet. */
export function lettersToBytes(letters: string): Uint8Array | undefined {
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) {
    const byte = byteOfLetter.get(letters[i]!);
    if (byte === undefined) return undefined;
    bytes[i] = byte;
  }
  return bytes;
}
