// A measure to compare bits per byte with: a general-purpose compressor at its highest setting.

import { brotliCompressSync, constants } from 'node:zlib';

/**
 * Bits per byte of a text compressed alone by Brotli at quality 11, with a window that holds all of it (up to 1 GiB).
 *
 * Brotli has a built-in dictionary of common words, which favours it on short English texts.
 */
export function brotliBitsPerByte(text: string): number {
  const bytes = Buffer.from(text);
  const windowBits = Math.min(Math.max(Math.ceil(Math.log2(bytes.length + 16)), 16), 30);
  const compressed = brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      [constants.BROTLI_PARAM_LARGE_WINDOW]: windowBits > 24 ? 1 : 0,
      [constants.BROTLI_PARAM_LGWIN]: windowBits,
    },
  });
  return (8 * compressed.length) / bytes.length;
}
